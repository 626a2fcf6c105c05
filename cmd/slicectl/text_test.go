package main

import "testing"

func TestNumbersReadWell(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"no rate", rate(0), "0 bit/s"},
		{"bits", rate(999), "999 bit/s"},
		{"kbit", rate(1000), "1 kbit/s"},
		{"half a Mbit", rate(950_000), "950 kbit/s"},
		{"rounds into the next unit", rate(999_600), "1 Mbit/s"},
		{"three digits", rate(12_345_678), "12.3 Mbit/s"},
		{"rounds to two digits", rate(9_996_000), "10 Mbit/s"},
		{"whole", rate(95_000_000), "95 Mbit/s"},
		{"beyond the last unit", rate(12_000_000_000_000_000), "12000 Tbit/s"},
		{"bytes", size(1514), "1.51 kB"},
		{"many bytes", size(1 << 63), "9.22 EB"},
		{"microseconds", delay(210), "210 µs"},
		{"milliseconds", delay(1420), "1.42 ms"},
		{"seconds", delay(67_000_000), "67 s"},
		{"hours stay seconds", delay(5_000_000_000), "5000 s"},
		{"percent", percent(12, 100), "12.0%"},
		{"little", percent(1, 1_000_000), "<0.1%"},
		{"escape sequence", clean("a\x1b[2Jb\nc\u202ed"), "a?[2Jb?c?d"},
		{"one line", indented("a\x1b[2Jb", "  "), "a?[2Jb"},
		{"several lines", indented("one\n\ttwo\x07\n\nfour\r\n", "    "), "one\n      two?\n\n    four?"},
		{"letters of others", clean("café 会場"), "café 会場"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %q, want %q", test.got, test.want)
			}
		})
	}
}
