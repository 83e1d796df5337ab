package archive

import (
	"regexp"
	"strings"
	"time"

	"waybill/todo"
)

// dayOrder says what comes first in a date with slashes: Americans write
// 11/24/2026 for what others write as 24/11/2026.
type dayOrder int

const (
	orderUnknown dayOrder = iota // no date of the table says which
	dayFirst
	monthFirst
	orderMixed // some of its dates say the one, some the other
)

var slashed = regexp.MustCompile(`^(\d\d?)/(\d\d?)/\d{4}\b`)

// dayOrder looks at all due dates of the table, from its next record on.
func (p *plan) dayOrder(t table) (order dayOrder, err error) {
	column, named := p.fields[todo.FieldDue]
	if !named {
		return orderUnknown, nil
	}
	for {
		cells, _, err := t.record()
		if err != nil || cells == nil {
			return order, err
		}
		if column >= len(cells) {
			continue
		}
		m := slashed.FindStringSubmatch(strings.TrimSpace(cells[column]))
		says := orderUnknown
		switch {
		case m == nil:
		case len(m[1]) == 2 && m[1] > "12":
			says = dayFirst
		case len(m[2]) == 2 && m[2] > "12":
			says = monthFirst
		}
		if says != orderUnknown && order != orderUnknown && says != order {
			return orderMixed, nil
		}
		order = max(order, says)
	}
}

// The forms in which a day and a time of day are read.
var (
	dayForms                     = []string{time.DateOnly, "2006/1/2", "2.1.2006", "2-1-2006", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006"}
	dayFirstForm, monthFirstForm = "2/1/2006", "1/2/2006"
	timeForms                    = []string{"15:04", "15:04:05", "15:04:05.999999999", "3:04 PM", "3:04:05 PM"}
)

const longestDate = 60 // in bytes

// parseDue reads RFC 3339, a date alone, or a date and a time without a zone,
// which is a time of this computer. A date alone, and midnight without a zone,
// stand for the whole day, as midnight UTC does.
func parseDue(cell string, order dayOrder) (time.Time, bool) {
	s := strings.TrimSpace(cell)
	if s == "" || len(s) > longestDate {
		return time.Time{}, s == ""
	}
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return inRange(at.UTC())
	}
	forms := dayForms
	switch order {
	case dayFirst:
		forms = append(forms[:len(forms):len(forms)], dayFirstForm)
	case monthFirst:
		forms = append(forms[:len(forms):len(forms)], monthFirstForm)
	}
	for _, form := range forms {
		if at, err := time.Parse(form, s); err == nil {
			return inRange(at)
		}
		for _, blank := range []string{" ", "T", ", "} {
			for _, clock := range timeForms {
				at, err := time.ParseInLocation(form+blank+clock, s, time.Local)
				if err != nil {
					continue
				}
				if h, m, sec := at.Clock(); h == 0 && m == 0 && sec == 0 && at.Nanosecond() == 0 {
					return inRange(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC))
				}
				return inRange(at.UTC())
			}
		}
	}
	return time.Time{}, false
}

// inRange refuses what could not be written again.
func inRange(at time.Time) (time.Time, bool) {
	if at.Year() < 0 || at.Year() > 9999 || at.IsZero() {
		return time.Time{}, at.IsZero()
	}
	return at, true
}
