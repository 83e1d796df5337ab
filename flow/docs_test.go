package flow_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Scripts rely on the codes of the causes, so each is in the documentation.
func TestTheCodeOfEachCauseIsDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/FLOW.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range []string{"causes.go", "../auth/reasons.go", "../auth/reasons_client.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?:Reason\{|add\(|with\(|:\s+\{|^\t\t\{|code = )"([a-z_]+[a-z])"`).FindAllStringSubmatch(string(source), -1) {
			if found++; !strings.Contains(string(docs), "`"+match[1]+"`") {
				t.Errorf("%s of %s is not in docs/FLOW.md", match[1], file)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d codes were found", found)
	}
}
