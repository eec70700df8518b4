# Run under coverage by test_coverage_of_fibers.py.
import fibers_far
import fibers_near

import harness
import refimpl

assert refimpl  # coverage is told to measure it and warns where nobody imports it

for program in (fibers_near.program, fibers_far.program):
    result = harness.explore(program, strategy="random", max_executions=20)
    assert result.failure is None, result.failure
    assert result.executions == 20
