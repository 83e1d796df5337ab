package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"waybill/a"}
{"Action":"run","Package":"waybill/a","Test":"TestGood"}
{"Action":"output","Package":"waybill/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"pass","Package":"waybill/a","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"waybill/a","Test":"TestLater","Output":"=== RUN   TestLater\n"}
{"Action":"output","Package":"waybill/a","Test":"TestLater","Output":"    a_test.go:7: no bus here: set WAYBILL_TEST\n"}
{"Action":"output","Package":"waybill/a","Test":"TestLater","Output":"--- SKIP: TestLater (0.00s)\n"}
{"Action":"skip","Package":"waybill/a","Test":"TestLater","Elapsed":0}
{"Action":"pass","Package":"waybill/a","Elapsed":0.1}
`

const failing = `{"Action":"output","Package":"waybill/b","Test":"TestBad","Output":"    b_test.go:9: want 1, got 2\n"}
{"Action":"fail","Package":"waybill/b","Test":"TestBad","Elapsed":0.2}
{"Action":"fail","Package":"waybill/b","Elapsed":0.3}
`

const unbuilt = `{"ImportPath":"waybill/c","Action":"build-output","Output":"c/c.go:3:1: syntax error\n"}
{"ImportPath":"waybill/c","Action":"build-fail"}
{"Action":"fail","Package":"waybill/c","Elapsed":0,"FailedBuild":"waybill/c"}
`

// sum records each of texts and sums all up with the given list of skips.
func sum(t *testing.T, skips string, texts ...string) (code int, out string) {
	t.Helper()
	dir := t.TempDir()
	record, list := filepath.Join(dir, "events.json"), filepath.Join(dir, "skips.txt")
	if err := os.WriteFile(list, []byte(skips), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, text := range texts {
		run([]string{"-record", record}, strings.NewReader(text), &b, &b)
	}
	code = run([]string{"-sum", "-skips", list, record}, nil, &b, &b)
	return code, b.String()
}

func TestAnExpectedSkipIsToldAndPasses(t *testing.T) {
	code, out := sum(t, "waybill/a TestLater # needs a bus\n", events)
	if code != 0 || !strings.Contains(out, "\n1 passed, 0 failed, 1 skipped\n") {
		t.Fatalf("code %d, output:\n%s", code, out)
	}
	if !strings.Contains(out, "skipped: waybill/a TestLater: no bus here: set WAYBILL_TEST\n") {
		t.Fatalf("the reason is not told:\n%s", out)
	}
}

func TestASkipThatNobodyExpectedFails(t *testing.T) {
	code, out := sum(t, "# nothing is expected\n", events)
	if code == 0 || !strings.Contains(out, "\n1 passed, 1 failed, 0 skipped\n") {
		t.Fatalf("code %d, output:\n%s", code, out)
	}
}

func TestAFailureIsToldWithItsOutput(t *testing.T) {
	code, out := sum(t, "waybill/a TestLater # needs a bus\n", events, failing)
	if code == 0 || !strings.Contains(out, "want 1, got 2") || !strings.Contains(out, "\n1 passed, 1 failed, 1 skipped\n") {
		t.Fatalf("code %d, output:\n%s", code, out)
	}
}

func TestAPackageThatDoesNotBuildIsAFailure(t *testing.T) {
	code, out := sum(t, "", unbuilt)
	if code == 0 || !strings.Contains(out, "syntax error") || !strings.Contains(out, "0 passed, 1 failed, 0 skipped\n") {
		t.Fatalf("code %d, output:\n%s", code, out)
	}
}

func TestNoTestAtAllIsAFailure(t *testing.T) {
	if code, out := sum(t, "", "\n"); code == 0 {
		t.Fatalf("an empty run passed:\n%s", out)
	}
}

func TestASkipWithoutAReasonInTheListIsRefused(t *testing.T) {
	if code, out := sum(t, "waybill/a TestLater\n", events); code == 0 || !strings.Contains(out, "why it may be skipped") {
		t.Fatalf("code %d, output:\n%s", code, out)
	}
}
