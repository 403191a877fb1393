"""Proves that each process, also a forked one, has its own instance."""

from __future__ import annotations

import os
import warnings

from executions.per_process import PerProcess


def test_one_process_gets_the_same_instance_each_time() -> None:
    made = PerProcess(object)
    assert made.get() is made.get()


def test_a_forked_child_gets_its_own_instance_even_if_the_lock_was_held() -> None:
    made = PerProcess(os.getpid)
    parent = made.get()
    lock = made._lock
    with lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons dislike a fork beside threads
        child = os.fork()
        if child == 0:
            os._exit(0 if made.get() == os.getpid() != parent else 1)
    assert os.waitpid(child, 0)[1] == 0
