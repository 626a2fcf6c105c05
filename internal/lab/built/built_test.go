package built

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const hello = `package main

func main() { println("hello") }
`

// program gives what becomes of source in a folder of its own.
func program(t *testing.T, source string) []byte {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/hello\n\ngo 1.25\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Go(t.Context(), folder, "build", append(Repeatable(), "-o", "hello")...); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSourceIsTheSameProgramAnywhere(t *testing.T) {
	once := program(t, hello)
	if again := program(t, hello); !bytes.Equal(once, again) {
		t.Error("in another folder it is another program")
	}
	if again := program(t, hello+"\nfunc init() { println(1) }\n"); bytes.Equal(once, again) {
		t.Error("what it does besides makes no difference")
	}
}
