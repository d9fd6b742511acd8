"""The object cmdlets against what a real engine did with 2,012 pipelines."""

from __future__ import annotations

from tests.judges import pipelines


def test_every_recorded_pipeline_comes_out_as_the_real_engine_had_it() -> None:
    verdict = pipelines.judge()
    assert verdict.total == 2012
    assert verdict.agree == verdict.total, verdict.report()
