package slice

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Rate is a speed in bits per second. Zero stands for "off" where a configuration may switch shaping off.
type Rate uint64

// Units of Rate. As in tc, they are powers of ten.
const (
	Bit  Rate = 1
	Kbit      = 1000 * Bit
	Mbit      = 1000 * Kbit
	Gbit      = 1000 * Mbit
)

// MaxRate is the fastest link accepted, 1 Tbit/s.
const MaxRate = 1000 * Gbit

var units = []struct {
	suffix string
	rate   Rate
}{{"gbit", Gbit}, {"mbit", Mbit}, {"kbit", Kbit}, {"bit", Bit}}

// ParseRate reads a number and a unit, such as "95mbit" or "1.5gbit". Units are bit, kbit, mbit and gbit.
func ParseRate(s string) (Rate, error) {
	for _, u := range units {
		num, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		f, err := parseDecimal(num)
		if err != nil {
			return 0, fmt.Errorf("parse rate %q: %w", s, err)
		}
		bits := f * float64(u.rate)
		if bits < 1 || bits > float64(MaxRate) {
			return 0, fmt.Errorf("parse rate %q: must be between 1bit and 1000gbit", s)
		}
		return Rate(math.Round(bits)), nil
	}
	return 0, fmt.Errorf("parse rate %q: want a number with a unit: bit, kbit, mbit or gbit, such as 20mbit", s)
}

// String writes r in the largest unit that keeps it whole, such as "1500kbit".
func (r Rate) String() string {
	for _, u := range units {
		if r >= u.rate && r%u.rate == 0 {
			return strconv.FormatUint(uint64(r/u.rate), 10) + u.suffix
		}
	}
	return "0bit"
}

// Share is a rate written absolutely or as a part of a link. The zero Share is an absolute rate of nothing.
type Share struct {
	Rate    Rate    // used when Percent is 0
	Percent float64 // of the link, (0, 100]
}

// ParseShare reads a rate, or a percentage such as "5%" or "12.5%".
func ParseShare(s string) (Share, error) {
	num, ok := strings.CutSuffix(s, "%")
	if !ok {
		r, err := ParseRate(s)
		if err != nil {
			return Share{}, fmt.Errorf("%w, or a share of the link such as 5%%", err)
		}
		return Share{Rate: r}, nil
	}
	f, err := parseDecimal(num)
	if err != nil {
		return Share{}, fmt.Errorf("parse share %q: %w", s, err)
	}
	if f <= 0 || f > 100 {
		return Share{}, fmt.Errorf("parse share %q: must be above 0%% and at most 100%%", s)
	}
	return Share{Percent: f}, nil
}

// Of gives the rate that sh stands for on a link of the given rate.
func (sh Share) Of(link Rate) Rate {
	if sh.Percent == 0 {
		return sh.Rate
	}
	return Rate(math.Round(float64(link) * sh.Percent / 100))
}

// String writes sh as ParseShare reads it.
func (sh Share) String() string {
	if sh.Percent == 0 {
		return sh.Rate.String()
	}
	return strconv.FormatFloat(sh.Percent, 'f', -1, 64) + "%"
}

var errNumber = errors.New("not a number")

// parseDecimal takes digits with at most one point: no sign, no exponent, no hexadecimal, no infinity.
func parseDecimal(s string) (float64, error) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, errNumber
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errNumber
	}
	return f, nil
}
