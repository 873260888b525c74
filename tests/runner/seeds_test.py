"""tests/sim/run: how the work is divided, and what is made of what the program says."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import seeds
from results import Report

HERE = Path(__file__).resolve().parent

# Two programs in the place of the real one. The first ends by a signal in every seventh seed.
FAILING = """#!/bin/sh
seed=$1
while [ $seed -lt $(($1 + $2)) ]; do
  if [ $((seed % 7)) = 0 ]; then
    echo "ended by signal 6 in seed $seed; to replay: RONDO_SIM_SEED=$seed"
    exit 1
  fi
  seed=$((seed + 1))
done
echo "seeds $1 to $(($1 + $2 - 1)): 0 failed, trace 0123456789abcdef"
"""
CALM = """#!/bin/sh
echo "seeds $1 to $2: 0 failed, trace TRACE"
"""


class Built:
    """As builds.Build, as far as it is needed."""

    wrapper, env, slowness = (), {}, 1

    def __init__(self, name, top, script):
        self.name, self.folder = name, Path(top) / name
        seeds.program(self).parent.mkdir(parents=True)
        seeds.program(self).write_text(script)
        seeds.program(self).chmod(0o755)


class Seeds(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.top = scratch.name

    def test_all_seeds_are_in_one_part_each(self):
        divided = seeds.parts(5, 2500)
        self.assertEqual(divided, [(5, 1000), (1005, 1000), (2005, 500)])
        self.assertEqual(seeds.parts(1, 1), [(1, 1)])

    def test_a_seed_that_ends_the_program_does_not_end_the_others(self):
        findings = seeds.run_part(Built("one", self.top, FAILING), 1, 22)
        self.assertEqual(len(findings), 3)
        for finding, seed in zip(findings, (7, 14, 21)):
            self.assertIn(f"RONDO_SIM_SEED={seed}", finding)

    def test_builds_that_make_the_same_of_them_pass(self):
        calm = CALM.replace("TRACE", "0123456789abcdef")
        built = [Built(name, self.top, calm) for name in ("one", "other")]
        cases = seeds.compare(built, Report())
        self.assertEqual([(case.name, case.status) for case in cases],
                         [("seeds.trace.one", "passed"), ("seeds.trace.other", "passed")])

    def test_one_that_makes_something_else_of_them_fails(self):
        built = [Built("one", self.top, CALM.replace("TRACE", "0123456789abcdef")),
                 Built("other", self.top, CALM.replace("TRACE", "fedcba9876543210")),
                 Built("silent", self.top, "#!/bin/sh\nexit 1\n")]
        cases = seeds.compare(built, Report())
        self.assertEqual([case.status for case in cases], ["passed", "failed", "failed"])
        self.assertIn("0123456789abcdef on one", cases[1].reason)

    def test_help_is_told_without_building(self):
        program = HERE.parent / "sim" / "run"
        done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertIn("--count", done.stdout)


if __name__ == "__main__":
    unittest.main()
