"""The page in a real browser: it fits, it asks nobody for anything, and it says its outcome at once."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.samples import findings, plan, run_that_went_wrong
from winmigrate.reporting import build_report
from winmigrate.reporting.page import report_html

pytestmark = pytest.mark.long

#: Measures the page in frames of two widths; the page itself runs no script.
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,"><body style="margin:0">
<iframe src="report.html" width="1280" height="900"></iframe>
<iframe src="report.html" width="400" height="900"></iframe>
<pre id="result"></pre>
<script>
addEventListener("load", () => {
  const measured = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement, width = root.clientWidth;
    const own = element => element.closest(".wide") !== null;
    const outside = [...page.body.querySelectorAll("*")].filter(element => !own(element) || element.matches(".wide"))
      .filter(element => element.getBoundingClientRect().right > width + 0.5)
      .map(element => element.outerHTML.slice(0, 90));
    const heading = page.querySelector("h1").getBoundingClientRect();
    const drawn = [...page.querySelectorAll("svg[viewBox]")].flatMap(svg => {
      const room = svg.viewBox.baseVal;
      return [...svg.querySelectorAll("text, rect, path")].map(item => [item, item.getBBox()])
        .filter(([, box]) => box.x < -1 || box.x + box.width > room.width + 1 || box.y + box.height > room.height + 1)
        .map(([item]) => item.outerHTML.slice(0, 90));
    });
    const bars = [...page.querySelectorAll(".timeline rect")].map(item => item.getBoundingClientRect());
    const labels = [...page.querySelectorAll(".timeline .vm")].map(item => item.getBoundingClientRect());
    return {
      width, scroll: root.scrollWidth, outside, clipped: drawn, outcome: page.querySelector("h1").textContent,
      top: heading.top, bottom: heading.bottom, bars: bars.length, colours: new Set([...page.querySelectorAll(
      ".timeline rect")].map(item => frame.contentWindow.getComputedStyle(item).fill)).size,
      overlap: labels.some(label => bars.some(bar => bar.left < label.right && bar.right > label.left &&
      bar.top < label.bottom && bar.bottom > label.top)),
    };
  });
  document.getElementById("result").textContent = JSON.stringify(measured);
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found is not None, "no Chromium on this machine: apt-get install --no-install-recommends chromium"
    return found


class Asked(SimpleHTTPRequestHandler):
    """Serves a folder and remembers what was asked for."""

    paths: list[str]

    def log_message(self, format: str, *args: Any) -> None:
        self.paths.append(self.path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, list[str], Path]]:
    report = build_report(plan(), findings(), run_that_went_wrong(), run_id="20261125-2202-abcd", zone="Europe/Berlin")
    (tmp_path / "report.html").write_text(report_html(report), encoding="utf-8")
    (tmp_path / "harness.html").write_text(HARNESS, encoding="utf-8")
    asked = type("AskedHere", (Asked,), {"paths": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(asked, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked.paths, tmp_path
    server.shutdown()
    server.server_close()
    thread.join()


def look(browser: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *arguments,
        ],
        capture_output=True, text=True, timeout=120, check=True, encoding="utf-8",
    )  # fmt: skip


def test_it_fits_wide_and_narrow_and_needs_nothing_else(browser: str, site: tuple[str, list[str], Path]) -> None:
    address, asked, folder = site
    seen = look(browser, folder, "--window-size=1400,1000", "--dump-dom", f"{address}/harness.html")
    result = re.search(r'<pre id="result">(.*?)</pre>', seen.stdout, re.DOTALL)
    assert result is not None
    wide, narrow = json.loads(html.unescape(result[1]))
    assert (wide["width"], narrow["width"]) == (1280, 400)
    for measured in (wide, narrow):
        assert measured["scroll"] == measured["width"]
        assert measured["outside"] == []
        assert measured["clipped"] == []
        assert not measured["overlap"]
        assert measured["bars"] == 13
        assert measured["colours"] == 5
        assert measured["outcome"].startswith("2 of 3 VMs moved and verified on both hosts in 12 min; db01 failed;")
        assert 0 <= measured["top"] < measured["bottom"] < 500
    assert not [line for line in seen.stderr.splitlines() if "CONSOLE" in line]
    assert {path.partition("?")[0] for path in asked} == {"/harness.html", "/report.html"}


@pytest.mark.parametrize("width", [1280, 400])
def test_it_can_be_drawn(browser: str, site: tuple[str, list[str], Path], width: int) -> None:
    address, _, folder = site
    picture = folder / f"{width}.png"
    look(browser, folder, f"--window-size={width},1600", f"--screenshot={picture}", f"{address}/report.html")
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 30_000  # an empty page of that size has a tenth


def test_it_prints_with_every_vm_unfolded(browser: str, site: tuple[str, list[str], Path]) -> None:
    address, _, folder = site
    paper = folder / "report.pdf"
    look(browser, folder, "--no-pdf-header-footer", f"--print-to-pdf={paper}", f"{address}/report.html")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 8
