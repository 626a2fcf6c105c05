package demo

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Screen shows frames: redrawn in place on a terminal, else as a line now and then.
type Screen struct {
	w        io.Writer
	terminal bool
	drawn    int // lines to go back for the next frame
	frames   int
	marks    []mark
}

// mark is a point of the curve of the calls' p99.
type mark struct {
	slicing bool
	p99     time.Duration
}

// linesEvery is how many frames pass from one line to the next where there is no terminal.
const linesEvery = 4

// NewScreen makes a screen of a file, normally standard error.
func NewScreen(file *os.File) *Screen {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return &Screen{w: file, terminal: err == nil}
}

// Show is told of every frame.
func (s *Screen) Show(f Frame) {
	if f.Note != "" {
		fmt.Fprintln(s.w, f.Note)
	}
	if f.Saturated == "" {
		return
	}
	s.frames++
	s.marks = append(s.marks, mark{f.Slicing, f.Calls.P99})
	if !s.terminal {
		if s.frames%linesEvery == 0 {
			fmt.Fprintln(s.w, line(f))
		}
		return
	}
	text := picture(f, s.marks)
	fmt.Fprint(s.w, strings.Repeat("\x1b[A\x1b[2K", s.drawn), text)
	s.drawn = strings.Count(text, "\n")
}

func line(f Frame) string {
	return fmt.Sprintf("%s, %s saturated, %2.0f s: calls p50 %s, p99 %s, lost %s; bulk %s; modem's queue %s",
		halfName(f.Slicing), load(f.Saturated), f.Elapsed.Seconds(),
		ms(f.Calls.P50), ms(f.Calls.P99), lost(f.Calls), mbit(f.Bulk), ms(f.Queue))
}

// picture draws a frame, with the curve so far, in 80 columns: a line that wraps would not be drawn over.
func picture(f Frame, marks []mark) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s saturated · %2.0f s of %.0f s\n\n", halfName(f.Slicing), load(f.Saturated), f.Elapsed.Seconds(), f.Length.Seconds())
	fmt.Fprintf(&b, "  calls, round trip   p50 %10s   p99 %10s   lost %s\n", ms(f.Calls.P50), ms(f.Calls.P99), lost(f.Calls))
	fmt.Fprintf(&b, "  bulk transfers      %s\n", mbit(f.Bulk))
	fmt.Fprintf(&b, "  modem's queue       %s\n\n", ms(f.Queue))
	fmt.Fprintf(&b, "  p99 so far, without %s\n", curve(marks, false))
	fmt.Fprintf(&b, "                 with %s\n", curve(marks, true))
	if len(f.Slices) > 0 {
		fmt.Fprintf(&b, "\n  %-16s %13s %11s %11s %9s %9s\n", "slice", "offered", "delay p50", "delay p99", "dropped", "devices")
	}
	for _, s := range f.Slices {
		p50, p99 := delaysOf(s.SliceStatus)
		fmt.Fprintf(&b, "  %-4s %-11s %13s %11s %11s %9d %9d\n", s.Direction, s.Name, mbit(s.Rate), p50, p99, s.Dropped, s.Devices)
	}
	return b.String()
}

// curve draws the p99 of a half, from 1 ms to 1 s on a logarithmic scale.
func curve(marks []mark, slicing bool) string {
	const (
		levels = "▁▂▃▄▅▆▇█"
		width  = 56
	)
	steps := []rune(levels)
	var drawn []rune
	for _, m := range marks {
		if m.slicing != slicing {
			continue
		}
		decades := math.Log10(max(milliseconds(m.p99), 1)) / 3
		drawn = append(drawn, steps[min(int(decades*float64(len(steps))), len(steps)-1)])
	}
	return string(drawn[max(0, len(drawn)-width):])
}

func halfName(slicing bool) string {
	if slicing {
		return "with slicing"
	}
	return "without slicing"
}

func load(d Direction) string {
	return map[Direction]string{Up: "upload", Down: "download"}[d]
}
