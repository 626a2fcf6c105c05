package client

import (
	"strings"
	"unicode"
)

// Printable keeps names that others chose, such as a program's or an interface's, from steering the terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
