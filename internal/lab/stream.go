package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// figureReader finds figures in what programs write, as it comes: a guest that ends badly has the figures that it had.
type figureReader struct {
	kernel  string
	seen    func(Figure) // is told each figure at once; may be nil
	figures []Figure
	err     error  // of the first line that is no figure though it says so
	begun   []byte // a line that has not ended yet
	read    int    // bytes
}

// maxOutput is how much programs may write, in bytes: a hundred times what the longest of them do. All of it is kept.
const maxOutput = 64 << 20

// errTooMuch is what a guest gets whose programs write without end.
var errTooMuch = fmt.Errorf("its programs wrote more than %d MB", maxOutput>>20)

func (r *figureReader) Write(p []byte) (int, error) {
	if r.read += len(p); r.read > maxOutput {
		return 0, errTooMuch
	}
	r.begun = append(r.begun, p...)
	for {
		line, rest, ended := bytes.Cut(r.begun, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		r.line(line)
		r.begun = rest
	}
}

func (r *figureReader) line(line []byte) {
	text, ok := bytes.CutPrefix(line, []byte(figureMark))
	if !ok {
		return
	}
	var f Figure
	if err := json.Unmarshal(text, &f); err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("read figure %q: %w", text, err))
		return
	}
	f.Kernel = r.kernel
	r.figures = append(r.figures, f)
	if r.seen != nil {
		r.seen(f)
	}
}

// follow makes a file and copies to w what others write into it, as it comes. stop is told if that fails; end waits for the rest of it.
func follow(path string, w io.Writer, stop func(error)) (end func() error, err error) {
	const every = 200 * time.Millisecond
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	over, copied := make(chan struct{}), make(chan error, 1)
	go func() {
		for ended := false; ; {
			_, err := io.Copy(w, file)
			if err != nil {
				stop(err)
			}
			if err != nil || ended {
				copied <- errors.Join(err, file.Close())
				return
			}
			select {
			case <-over:
				ended = true
			case <-time.After(every):
			}
		}
	}()
	return func() error {
		close(over)
		return <-copied
	}, nil
}
