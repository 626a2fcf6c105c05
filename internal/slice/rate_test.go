package slice

import (
	"math"
	"strings"
	"testing"
)

func TestParseRate(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Rate
		out  string // "" where it is in
	}{
		{"1bit", 1, ""},
		{"999bit", 999, ""},
		{"20mbit", 20 * Mbit, ""},
		{"95mbit", 95 * Mbit, ""},
		{"1000gbit", MaxRate, ""},
		{"1.5gbit", 1500 * Mbit, "1500mbit"},
		{"0.5mbit", 500 * Kbit, "500kbit"},
		{".5mbit", 500 * Kbit, "500kbit"},
		{"5.mbit", 5 * Mbit, "5mbit"},
		{"0020mbit", 20 * Mbit, "20mbit"},
		{"1000kbit", Mbit, "1mbit"},
		{"1500kbit", 1500 * Kbit, ""},
		{"1234567bit", 1234567, ""},
		{"0.0000012345gbit", 1235, "1235bit"}, // rounded, not cut
		{"0.1gbit", 100 * Mbit, "100mbit"},
		{"19.2mbit", 19200 * Kbit, "19200kbit"},
	} {
		t.Run(test.in, func(t *testing.T) {
			got, err := ParseRate(test.in)
			if err != nil || got != test.want {
				t.Fatalf("%d, %v; want %d", got, err, test.want)
			}
			if test.out == "" {
				test.out = test.in
			}
			if got.String() != test.out {
				t.Errorf("prints %q, want %q", got, test.out)
			}
		})
	}
}

func TestParseRateRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"":                  "want a number with a unit",
		"20":                "want a number with a unit",
		"20mbps":            "want a number with a unit",
		"20MBIT":            "want a number with a unit",
		"20mbit ":           "want a number with a unit",
		"20%":               "want a number with a unit",
		"20mbyte":           "want a number with a unit",
		"off":               "want a number with a unit",
		"mbit":              "not a number",
		"bit":               "not a number",
		" 20mbit":           "not a number",
		"-20mbit":           "not a number",
		"+20mbit":           "not a number",
		"1e3mbit":           "not a number",
		"0x10mbit":          "not a number",
		"infmbit":           "not a number",
		"1_000mbit":         "not a number",
		"1.2.3mbit":         "not a number",
		".mbit":             "not a number",
		"20kmbit":           "not a number",
		"0mbit":             "must be between",
		"0bit":              "must be between",
		"0.5bit":            "must be between",
		"1000.1gbit":        "must be between",
		"1001gbit":          "must be between",
		"99999999999999bit": "must be between",
	} {
		got, err := ParseRate(in)
		if err == nil {
			t.Errorf("%q: %v, want an error", in, got)
			continue
		}
		if !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), in) {
			t.Errorf("%q: error %q, want one that quotes it and says %q", in, err, why)
		}
	}
}

func TestRateZero(t *testing.T) {
	if got := Rate(0).String(); got != "0bit" {
		t.Errorf("zero prints %q", got)
	}
}

func TestParseShare(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Share
		of   Rate // of 20 Mbit/s
	}{
		{"5%", Share{Percent: 5}, Mbit},
		{"12.5%", Share{Percent: 12.5}, 2500 * Kbit},
		{"100%", Share{Percent: 100}, 20 * Mbit},
		{"0.00001%", Share{Percent: 0.00001}, 2},
		{"3mbit", Share{Rate: 3 * Mbit}, 3 * Mbit},
		{"40mbit", Share{Rate: 40 * Mbit}, 40 * Mbit},
	} {
		t.Run(test.in, func(t *testing.T) {
			got, err := ParseShare(test.in)
			if err != nil || got != test.want {
				t.Fatalf("%+v, %v; want %+v", got, err, test.want)
			}
			if got.String() != test.in {
				t.Errorf("prints %q", got)
			}
			if of := got.Of(20 * Mbit); of != test.of {
				t.Errorf("%d of 20mbit, want %d", of, test.of)
			}
		})
	}
}

func TestParseShareRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"":       "such as 5%",
		"5":      "such as 5%",
		"5 %":    "not a number",
		"%":      "not a number",
		"-5%":    "not a number",
		"1e1%":   "not a number",
		"nan%":   "not a number",
		"0%":     "above 0%",
		"0.0%":   "above 0%",
		"100.1%": "at most 100%",
		"5%%":    "not a number",
		"0mbit":  "must be between",
		"5%mbit": "not a number",
	} {
		got, err := ParseShare(in)
		if err == nil {
			t.Errorf("%q: %v, want an error", in, got)
			continue
		}
		if !strings.Contains(err.Error(), why) {
			t.Errorf("%q: error %q, want one that says %q", in, err, why)
		}
	}
}

// What parses prints as something that parses to the same.
func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"20mbit", "1.5gbit", "0.5bit", "1000gbit", "1.2.3kbit", "mbit", "9999999999999999999999bit", "0x1bit"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			if r != 0 {
				t.Errorf("%q: %d beside %v", s, r, err)
			}
			return
		}
		if r < 1 || r > MaxRate {
			t.Errorf("%q: %d", s, r)
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Errorf("%q: %d prints %q, which is %d, %v", s, r, r, again, err)
		}
	})
}

func FuzzParseShare(f *testing.F) {
	for _, s := range []string{"5%", "12.5%", "100%", "0.000000000000000000001%", "3mbit", "%", "1e3%", "1000gbit"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sh, err := ParseShare(s)
		if err != nil {
			if sh != (Share{}) {
				t.Errorf("%q: %+v beside %v", s, sh, err)
			}
			return
		}
		if again, err := ParseShare(sh.String()); err != nil || again != sh {
			t.Errorf("%q: %+v prints %q, which is %+v, %v", s, sh, sh, again, err)
		}
		if got := sh.Of(MaxRate); sh.Percent != 0 && got > MaxRate || math.IsNaN(sh.Percent) {
			t.Errorf("%q: %d of the fastest link", s, got)
		}
	})
}
