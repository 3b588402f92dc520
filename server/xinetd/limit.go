package xinetd

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func toLimit(field func(*draft) *Limit) parse {
	return func(d *draft, s statement) error {
		if strings.EqualFold(s.values[0], "UNLIMITED") {
			*field(d) = Unlimited
			return nil
		}
		n, err := number(s.values[0], 0, math.MaxInt32)
		*field(d) = Limit(n)
		return err
	}
}

func toRate(field func(*draft) *Rate) parse {
	return func(d *draft, s statement) error {
		count, err := number(s.values[0], 0, math.MaxInt32)
		if err != nil {
			return err
		}
		rest, err := number(s.values[1], 0, math.MaxInt32)
		*field(d) = Rate{PerSecond: count, Rest: time.Duration(rest) * time.Second}
		return err
	}
}

func toSeconds(field func(*draft) *time.Duration) parse {
	return func(d *draft, s statement) error {
		n, err := number(s.values[0], 1, math.MaxInt32)
		*field(d) = time.Duration(n) * time.Second
		return err
	}
}

func parseMaxLoad(d *draft, s statement) error {
	load, err := strconv.ParseFloat(s.values[0], 64)
	if err != nil || !(load > 0 && load < math.MaxInt32) {
		return fmt.Errorf("bad value %s: a number above 0 is expected", plain(s.values[0]))
	}
	d.MaxLoad = load
	return nil
}

// toResource takes a number, for sizes with k or m behind it, or UNLIMITED. 0 sets no limit.
func toResource(name string, sizes bool) parse {
	return func(d *draft, s statement) (err error) {
		limit := ResourceLimit{Name: name, Value: NoResourceLimit}
		switch text := s.values[0]; {
		case strings.EqualFold(text, "UNLIMITED"):
		case sizes:
			limit.Value, err = size(text)
		default:
			limit.Value, err = strconv.ParseUint(text, 10, 63)
		}
		if err != nil {
			return fmt.Errorf("bad value %s: a number or UNLIMITED is expected", plain(s.values[0]))
		}
		if limit.Value == 0 {
			d.warn(s, "%s = 0 sets no limit", s.name)
			return nil
		}
		d.ResourceLimits = append(d.ResourceLimits, limit)
		return nil
	}
}

// size reads a number of bytes, with k or m behind it.
func size(text string) (uint64, error) {
	shift := 0
	switch last := text[len(text)-1]; last {
	case 'k', 'K':
		shift = 10
	case 'm', 'M':
		shift = 20
	}
	if shift > 0 {
		text = text[:len(text)-1]
	}
	n, err := strconv.ParseUint(text, 10, 63-shift)
	return n << shift, err
}

func parseAccessTimes(d *draft, s statement) error {
	for _, text := range s.values {
		from, to, ok := strings.Cut(text, "-")
		begin, err1 := clockTime(from)
		end, err2 := clockTime(to)
		switch {
		case !ok || err1 != nil || err2 != nil:
			return fmt.Errorf("bad interval %s: it has to be hour:minute-hour:minute, from 0:00 to 23:59", plain(text))
		case begin >= end:
			return fmt.Errorf("bad interval %s: its end is not after its begin", plain(text))
		}
		d.AccessTimes = append(d.AccessTimes, Hours{begin, end})
	}
	return nil
}

func clockTime(text string) (ClockTime, error) {
	hour, minute, _ := strings.Cut(text, ":")
	h, err1 := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	if err1 != nil || err2 != nil || h > 23 || m > 59 {
		return 0, errors.New("no time of day")
	}
	return ClockTime(h*60 + m), nil
}

func parseDenyTime(d *draft, s statement) error {
	switch text := s.values[0]; {
	case strings.EqualFold(text, "FOREVER"):
		d.DenyTime = DenyForever
	case strings.EqualFold(text, "NEVER"):
		d.DenyTime = 0
	default:
		n, err := number(text, 0, math.MaxInt32)
		if err != nil {
			return errors.New("bad value " + plain(text) + ": minutes, FOREVER or NEVER is expected")
		}
		d.DenyTime = time.Duration(n) * time.Minute
	}
	return nil
}
