package cli

import (
	"strings"
	"testing"
)

func TestColumnsStandBelowEachOther(t *testing.T) {
	long := strings.Repeat("x", 200)
	var b strings.Builder
	if err := writeTable(&b, [][]string{
		{"[ ]", "1", "Milk", "today", ""},
		{"[x]", "22", "买牛奶", "", "#home"},
		{"[ ]", "3", long, "today", "#home"},
		{"[ ]", "this is the last one of its row"},
	}); err != nil {
		t.Fatal(err)
	}
	want := "[ ]  1   Milk    today\n" +
		"[x]  22  买牛奶         #home\n" +
		"[ ]  3   " + long + "  today  #home\n" +
		"[ ]  this is the last one of its row\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
