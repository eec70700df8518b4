"""Locks made of plain reads and writes. They look again and again, which is followed only so far."""

from __future__ import annotations

import threading
import time

import pytest
from famous import broken, holds, together

import harness


class Critical:
    """Nobody may be inside with another."""

    def __init__(self):
        self.inside = 0

    def enter(self, lock, me):
        lock.take(me)
        self.inside += 1
        assert self.inside == 1
        self.inside -= 1
        lock.give(me)


class Peterson:
    def __init__(self):
        self.wants = [False, False]
        self.turn = 0

    def take(self, me):
        self.wants[me] = True
        self.turn = 1 - me
        self.wait(me)

    def wait(self, me):
        while self.wants[1 - me] and self.turn == 1 - me:
            time.sleep(0)

    def give(self, me):
        self.wants[me] = False


class Swapped(Peterson):
    """The two lines the other way round."""

    def take(self, me):
        self.turn = 1 - me
        self.wants[me] = True
        self.wait(me)


class Dekker(Peterson):
    def take(self, me):
        self.wants[me] = True
        while self.wants[1 - me]:
            if self.turn != me:
                self.wants[me] = False
                while self.turn != me:
                    time.sleep(0)
                self.wants[me] = True
            else:
                time.sleep(0)

    def give(self, me):
        self.turn = 1 - me
        self.wants[me] = False


class LateFlag(Dekker):
    """Looks before it says that it wants."""

    def take(self, me):
        while self.wants[1 - me]:
            time.sleep(0)
        self.wants[me] = True


class Ticket:
    def __init__(self):
        self.next = self.serving = 0
        self.lock = threading.Lock()

    def draw(self):
        with self.lock:
            drawn = self.next
            self.next += 1
        return drawn

    def take(self, _):
        drawn = self.draw()
        while self.serving != drawn:
            time.sleep(0)

    def give(self, _):
        self.serving += 1


class Unguarded(Ticket):
    def draw(self):
        drawn = self.next
        self.next = drawn + 1
        return drawn


class Spinning:
    def __init__(self):
        self.taken = threading.Lock()

    def take(self, _):
        while not self.taken.acquire(blocking=False):
            time.sleep(0)

    def give(self, _):
        self.taken.release()


RIGHT = [Peterson, Dekker, Ticket, Spinning]
WRONG = [Swapped, LateFlag]


def excluding(make):
    def program():
        lock, critical = make(), Critical()
        together(lambda: critical.enter(lock, 0), lambda: critical.enter(lock, 1))

    return program


@pytest.mark.parametrize("make", RIGHT)
def test_it_excludes(make):
    holds(excluding(make), instrument=[Critical, *make.__mro__[:-1]])


@pytest.mark.parametrize("make", WRONG)
def test_it_does_not_exclude(make):
    broken(excluding(make), instrument=[Critical, *make.__mro__[:-1]])


def test_a_ticket_drawn_twice_is_waited_for_for_ever():
    result = harness.explore(excluding(Unguarded), instrument=[Critical, Unguarded, Ticket])
    assert result.failure.kind in ("livelock", "deadlock")
