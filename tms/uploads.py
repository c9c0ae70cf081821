"""No request with files is larger than this, whichever page it goes to; told before anything of it is kept.

Smaller bounds, each told in words beside its field, are with what is uploaded (tms.members.picture).
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MOST_BYTES = 32 * 1024 * 1024


class Bounded(FileUploadHandler):
    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        if content_length > MOST_BYTES:
            raise RequestDataTooBig(f"A request of {content_length} bytes is larger than {MOST_BYTES}.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
