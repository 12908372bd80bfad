"""Memory that a child process fills and its parent reads without copying: a file without a name that only grows."""

from __future__ import annotations

import mmap
import os

import numpy as np

from evsim._units import Anything

_SEGMENT = 1 << 26
_ALIGNED = 8


class Pages:
    """Columns laid one behind the other in shared memory. Linux only; make it before the fork."""

    def __init__(self) -> None:
        self._file = os.memfd_create("evsim")
        self._size = self._used = self._segment_at = 0
        self._segment: mmap.mmap | None = None
        self._places: dict[int, int] = {}

    def empty(self, n: int, kind: type) -> Anything:
        """(n,) uninitialised column."""
        n_bytes = -(-n * np.dtype(kind).itemsize // _ALIGNED) * _ALIGNED
        if self._used + n_bytes > self._size:
            self._grow(n_bytes)
        place, self._used = self._used, self._used + n_bytes
        column: Anything = np.frombuffer(self._segment or b"", kind, n, place - self._segment_at)
        self._places[id(column)] = place
        return column

    def _grow(self, n_bytes: int) -> None:
        length = -(-max(n_bytes, _SEGMENT) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._segment_at = self._used = self._size
        self._size += length
        os.ftruncate(self._file, self._size)
        self._segment = mmap.mmap(self._file, length, offset=self._segment_at)

    def place_of(self, column: Anything) -> int:
        """Where a column that `empty` gave, and that is still held, begins."""
        return self._places[id(column)]

    def whole(self) -> mmap.mmap:
        """All of it, as the process that has filled it left it; the file is let go of."""
        length = os.fstat(self._file).st_size
        memory = mmap.mmap(self._file, max(length, 1)) if length else mmap.mmap(-1, 1)
        os.close(self._file)
        return memory
