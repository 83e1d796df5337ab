package todo

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// The scanner below walks JSON that json.Valid has accepted, without recursion
// and without copying: a listing of 100,000 to-dos is read at the speed of the
// validation itself. encoding/json alone would need a map of every item to find
// the members that Waybill does not know.

// eachMember calls f with the name (as plain text) and the value of each member of
// an object. Any other value is errShape.
func eachMember(data []byte, f func(name, value []byte) error) error {
	i := skipBlank(data, 0)
	if i >= len(data) || data[i] != '{' {
		return errShape
	}
	for i = skipBlank(data, i+1); data[i] != '}'; i = nextItem(data, i) {
		end := valueEnd(data, i)
		name := data[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 || !utf8.Valid(name) {
			plain, _ := readString(data[i:end])
			name = []byte(plain)
		}
		i = skipBlank(data, skipBlank(data, end)+1) // over the colon
		end = valueEnd(data, i)
		if err := f(name, data[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// eachElement calls f with each element of an array. Any other value is
// errShape.
func eachElement(data []byte, f func(element []byte) error) error {
	i := skipBlank(data, 0)
	if i >= len(data) || data[i] != '[' {
		return errShape
	}
	for i = skipBlank(data, i+1); data[i] != ']'; i = nextItem(data, i) {
		end := valueEnd(data, i)
		if err := f(data[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// nextItem goes from the end of a value to the next one, or to the closing
// bracket.
func nextItem(data []byte, i int) int {
	if i = skipBlank(data, i); data[i] == ',' {
		i = skipBlank(data, i+1)
	}
	return i
}

func skipBlank(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the index behind the value that starts at i.
func valueEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return stringEnd(data, i)
	case '{', '[':
		for depth := 0; ; {
			switch data[i] {
			case '"':
				i = stringEnd(data, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	default:
		for i < len(data) && strings.IndexByte(",]} \t\n\r", data[i]) < 0 {
			i++
		}
		return i
	}
}

// stringEnd returns the index behind the string that starts at i.
func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}
