package cli

import (
	"flag"
	"fmt"
	"strings"

	"waybill/fault"
)

// unknown says that there is no such command, and which one may have been
// meant.
func unknown(name string) error {
	if strings.HasPrefix(name, "-") {
		return usageError{fmt.Sprintf("Write the command before %q.", fault.Clean(name, 40)), ""}
	}
	known := []string{"help"}
	for _, cmd := range commands() {
		known = append(known, cmd.name)
	}
	return usageError{fmt.Sprintf("There is no command %q.", fault.Clean(name, 40)) + meant(name, "", known), ""}
}

// badFlag says what package flag found wrong with an option, as options are
// written here: with two dashes.
func badFlag(flags *flag.FlagSet, err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		var known []string
		flags.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
		return fmt.Sprintf("There is no option --%s here.", fault.Clean(name, 40)) + meant(name, "--", known)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Sprintf("The option --%s needs a value.", fault.Clean(name, 40))
	}
	text = strings.Replace(text, " for flag -", " for the option --", 1)
	return fault.Clean(strings.Replace(text, "invalid", "There is an invalid", 1), 120)
}

// meant asks whether the nearest of the known words was meant, if one is near.
func meant(word, dashes string, known []string) string {
	best, least := "", 3 // from three changes on, words have nothing to do with each other
	for _, k := range known {
		d := changes(word, k)
		if len(word) > 1 && strings.HasPrefix(k, word) {
			d = min(d, 2)
		}
		if d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %s%s?", dashes, best)
}

// changes counts the letters to put in, take out or replace to make b of a; of
// long words it says no more than that they are long.
func changes(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			least := before
			if a[i] != b[j] {
				least = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], least
		}
	}
	return row[len(b)]
}
