"""The nouns of a run on disk: JSON documents with a schema's name and version, and a digest; in the run's folder."""

from winmigrate.documents.codec import Kind, json_schema
from winmigrate.documents.files import (
    digest_of,
    document_text,
    json_text,
    read_document,
    write_atomically,
    write_document,
)
from winmigrate.documents.folder import RunFolder, create_run_folder, open_run_folder, run_folders

__all__ = [
    "Kind",
    "RunFolder",
    "create_run_folder",
    "digest_of",
    "document_text",
    "json_schema",
    "json_text",
    "open_run_folder",
    "read_document",
    "run_folders",
    "write_atomically",
    "write_document",
]
