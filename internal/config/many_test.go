package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestManyMistakesAreCounted(t *testing.T) {
	var text strings.Builder
	text.WriteString("[venue]\n")
	for i := range 500 {
		fmt.Fprintf(&text, "unknown%d = 1\n", i)
	}
	_, err := Parse("a.toml", []byte(text.String()))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != mostMistakes+1 || !strings.HasPrefix(lines[mostMistakes], "a.toml: … and ") {
		t.Errorf("%d lines, the last of them %q", len(lines), lines[len(lines)-1])
	}
}
