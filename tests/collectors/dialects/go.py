"""The small project as Go has it."""

from __future__ import annotations

import os
import sys

from tests.collectors.dialects.dialect import Dialect

GO = os.path.join(os.path.dirname(sys.executable), "go")

MODULE = "module example.com/shop\n\ngo 1.21\n"
SHOP = """\
package shop

func Price(amount int) int {
\treturn amount * 2
}

func Careless(stock []int) int {
\treturn stock[3]
}
"""
ALONE = """\
package alone

func Nobody() int {
\treturn 1
}
"""
TEST = 'package shop\n\nimport "testing"\n\n'

GO_TEST = Dialect(
    runner="go",
    command=(GO, "test", "./..."),
    source_roots=(".",),
    base={"go.mod": MODULE, "shop.go": SHOP, "alone/alone.go": ALONE},
    green={
        "shop_test.go": TEST
        + """\
func TestDoubles(t *testing.T) {
\tif Price(1) != 2 {
\t\tt.Errorf("not 2")
\t}
}

func TestDoublesMore(t *testing.T) {}
""",
    },
    every_kind={
        "shop_test.go": TEST
        + """\
func TestPasses(t *testing.T) {}

func TestClaims(t *testing.T) {
\tif Price(1) != 3 {
\t\tt.Fatalf("want 3, have %d", Price(1))
\t}
}

func TestCrashes(t *testing.T) { Careless(nil) }

func TestIsBroken(t *testing.T) { var none []int; _ = none[3] }

func TestSkipped(t *testing.T) { t.Skip("later") }
""",
        "asks/asks_test.go": """\
package asks_test

import (
\t"testing"

\t"example.com/shop"
)

func TestAsks(t *testing.T) { shop.Refund(1) }
""",
        "asks/asks.go": "package asks\n",
    },
    kinds={
        "passes": ".::TestPasses",
        "claims what is not so": ".::TestClaims",
        "asks for a name that is not there": "asks::TestAsks",
        "lets the code crash": ".::TestCrashes",
        "is broken itself": ".::TestIsBroken",
        "is skipped": ".::TestSkipped",
    },
    lacks={
        "is expected to fail": "Go's testing has no such thing",
        "has a broken fixture": "a helper that gives up says t.Fatal, as a claim does",
    },
    unreadable={
        "broken/broken_test.go": "package broken\n\nfunc TestA(t *testing.T) {\n",
        "shop_test.go": TEST + "func TestGood(t *testing.T) {}\n",
    },
    unreadable_id="broken::TestA",
    exits={
        "shop_test.go": 'package shop\n\nimport (\n\t"syscall"\n\t"testing"\n)\n\n'
        "func TestA(t *testing.T) { syscall.Exit(0) }\n\n"
        'func TestB(t *testing.T) { t.Fatal("no") }\n'
    },
    hangs={
        "shop_test.go": 'package shop\n\nimport (\n\t"testing"\n\t"time"\n)\n\n'
        "func TestA(t *testing.T) { time.Sleep(time.Hour) }\n"
    },
    covered={"shop.go": ((4,), (8,)), "alone/alone.go": ((), (4,))},
)
