"""Merkle trees of logs: RFC 6962 hashes, inclusion and consistency (RFC 9162 section 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

MAX_SIZE = 2**53 - 1
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2; `leaf` is the leaf hash."""
    if not _are_sizes(index, size) or index >= size or not _are_hashes(leaf, root, *proof):
        return False
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position != 0:
                position >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and found == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2. An empty log is a beginning of every log, and needs no hash to show it."""
    if not _are_sizes(old_size, size) or old_size > size or not _are_hashes(old_root, root, *proof):
        return False
    if (old_size == 0 and old_root != EMPTY_ROOT) or (size == 0 and root != EMPTY_ROOT):
        return False
    if old_size == size:
        return not proof and old_root == root
    if old_size == 0:
        return not proof
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_found = found = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_found = node_hash(each, old_found)
            found = node_hash(each, found)
            while not position & 1 and position != 0:
                position >>= 1
                last >>= 1
        else:
            found = node_hash(found, each)
        position >>= 1
        last >>= 1
    return last == 0 and old_found == old_root and found == root


def _are_sizes(*numbers: int) -> bool:
    return all(type(each) is int and 0 <= each <= MAX_SIZE for each in numbers)


def _are_hashes(*hashes: bytes) -> bool:
    return all(len(each) == 32 for each in hashes)


class Frontier:
    """A tree that grows by leaves and by whole aligned subtrees; keeps the roots of its perfect subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[tuple[int, bytes]] = []

    def append(self, subtree: bytes, leaves: int = 1) -> None:
        """Appends a subtree whose number of leaves is a power of two that divides the size."""
        self.size += leaves
        while self._subtrees and self._subtrees[-1][0] == leaves:
            subtree = node_hash(self._subtrees.pop()[1], subtree)
            leaves *= 2
        self._subtrees.append((leaves, subtree))

    def root(self) -> bytes:
        if not self._subtrees:
            return EMPTY_ROOT
        found = self._subtrees[-1][1]
        for _, each in reversed(self._subtrees[:-1]):
            found = node_hash(each, found)
        return found


def aligned_subtrees(start: int, count: int) -> list[int]:
    """Sizes of the maximal aligned subtrees of `[start, start + count)`, left to right."""
    sizes = []
    end = start + count
    while start < end:
        size = start & -start or 1 << (end - start).bit_length()
        while start + size > end:
            size >>= 1
        sizes.append(size)
        start += size
    return sizes
