package form

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// where looks for the fields whose values the schema does not allow. It knows
// the plain rules; that it finds nothing says nothing.
func (f *Form) where(v *Value) []Problem {
	var found []Problem
	look(v, "", &found)
	return found
}

func look(v *Value, path string, found *[]Problem) {
	s := v.Field.schema
	if v.AsJSON || s == nil {
		return
	}
	wrong := ""
	switch v.Field.Kind {
	case Text:
		wrong = wrongText(v.Text, s)
	case Number, Integer:
		wrong = wrongNumber(strings.TrimSpace(v.Text), v.Field.Kind, s)
	case Array:
		wrong = wrongCount(Array, len(v.Items), s.MinItems, s.MaxItems)
		for i, item := range v.Items {
			look(item, path+"/"+strconv.Itoa(i), found)
		}
	case Object:
		for _, m := range v.Members {
			if m.Given() || m.Field.Required {
				look(m, path+"/"+escape(m.Field.Name), found)
			}
		}
	}
	if wrong != "" {
		*found = append(*found, Problem{path, wrong})
	}
}

func wrongText(text string, s *schema) string {
	if wrong := wrongCount(Text, utf8.RuneCountInString(text), s.MinLength, s.MaxLength); wrong != "" {
		return wrong
	}
	if s.Pattern == "" {
		return ""
	}
	if re, err := regexp.Compile(s.Pattern); err == nil && !re.MatchString(text) {
		return "This does not have the form that is asked for."
	}
	return ""
}

func wrongNumber(text string, kind Kind, s *schema) string {
	var n float64
	if json.Unmarshal([]byte(text), &n) != nil {
		return "This number is too large."
	}
	say := func(words string, bound float64) string {
		return "This must be " + words + " " + strconv.FormatFloat(bound, 'g', -1, 64) + "."
	}
	switch {
	case kind == Integer && n != math.Trunc(n):
		return "Write a whole number, such as 7."
	case s.Minimum != nil && n < *s.Minimum:
		return say("at least", *s.Minimum)
	case s.Maximum != nil && n > *s.Maximum:
		return say("at most", *s.Maximum)
	case s.Above != nil && n <= *s.Above:
		return say("more than", *s.Above)
	case s.Below != nil && n >= *s.Below:
		return say("less than", *s.Below)
	}
	return ""
}

func wrongCount(kind Kind, n int, least, most *float64) string {
	switch {
	case least != nil && float64(n) < *least:
		return "This must have at least " + things(kind, *least) + "."
	case most != nil && float64(n) > *most:
		return "This must have at most " + things(kind, *most) + "."
	}
	return ""
}
