"""The functions that `knee crew-test` calls, in Python."""

import os
import time


def number(number):
    return number * number


def five(number):
    time.sleep(0.005)


def counts(number):
    return 3, number


def fails(number):
    raise ValueError("knee-fails")


def prints(number):
    print("knee prints " * 20)


def exits(number):
    os._exit(7)


def slow(number):
    time.sleep(60)


def prepare():
    return {"seven": 7}


def prepared(number, state):
    return number + state["seven"]
