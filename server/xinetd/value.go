package xinetd

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"
)

// A parser of values is made for the field that it sets. It is called with a count of values
// that the table allows.

func toWord(field func(*draft) *string) parse {
	return func(d *draft, s statement) error {
		*field(d) = s.values[0]
		return nil
	}
}

// toOneOf takes one word of a closed set.
func toOneOf[T any](set []word[T], field func(*draft) *T) parse {
	return func(d *draft, s statement) error {
		w, err := oneOf(set, s.values[0])
		*field(d) = w.value
		return err
	}
}

// toBits takes any number of words of a closed set: = sets them, += adds and -= removes.
func toBits[T interface{ ~uint8 }](set []word[T], field func(*draft) *T) parse {
	return func(d *draft, s statement) error {
		var bits T
		for _, text := range s.values {
			w, err := oneOf(set, text)
			if err != nil {
				return err
			}
			if w.ignored != "" {
				d.warn(s, "%s %s is ignored: %s", s.name, w.name, w.ignored)
			}
			bits |= w.value
		}
		switch f := field(d); {
		case s.op == "-=":
			*f &^= bits
		case s.op == "+=" || d.isDefaults():
			*f |= bits
		default:
			*f = bits
		}
		return nil
	}
}

func toNumber(least, most int, field func(*draft) *int) parse {
	return func(d *draft, s statement) (err error) {
		*field(d), err = number(s.values[0], least, most)
		return err
	}
}

func number(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("bad value %s: a number from %d to %d is expected", plain(text), least, most)
	}
	return n, nil
}

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

// toPath takes an absolute path: a relative one would depend on where the daemon was started.
func toPath(field func(*draft) *string) parse {
	return func(d *draft, s statement) error {
		if !path.IsAbs(s.values[0]) {
			return fmt.Errorf("bad path %s: it has to begin with /", plain(s.values[0]))
		}
		*field(d) = s.values[0]
		return nil
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

func parseUmask(d *draft, s statement) error {
	mask, err := strconv.ParseUint(s.values[0], 8, 9)
	if err != nil {
		return fmt.Errorf("bad value %s: an octal number from 0 to 777 is expected", plain(s.values[0]))
	}
	d.Umask = int(mask)
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
		d.ResourceLims = append(d.ResourceLims, limit)
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

func parseRedirect(d *draft, s statement) error {
	host := s.values[0]
	if _, err := netip.ParseAddr(host); err != nil {
		if err := checkHost(host); err != nil {
			return fmt.Errorf("bad host %s: %w", plain(host), err)
		}
	}
	d.Redirect.Host, d.redirectPort = host, s.values[1]
	return nil
}

func parseBind(d *draft, s statement) error {
	d.Bind = s.values[0]
	if _, err := netip.ParseAddr(d.Bind); err == nil {
		return nil
	}
	if err := checkHost(d.Bind); err != nil {
		return fmt.Errorf("bad address %s: %w", plain(d.Bind), err)
	}
	return nil
}

// parseLog reads SYSLOG facility [level] and FILE path [soft [hard]].
func parseLog(d *draft, s statement) (err error) {
	v := s.values
	switch {
	case strings.EqualFold(v[0], "SYSLOG") && len(v) < 4:
		facility, err := oneOf(named(facilityNames), v[1])
		if err != nil {
			return err
		}
		level := word[string]{value: "info"}
		if len(v) == 3 {
			level, err = oneOf(named(levelNames), v[2])
		}
		d.Log = Log{Facility: facility.value, Level: level.value}
		return err
	case strings.EqualFold(v[0], "FILE"):
		if !path.IsAbs(v[1]) {
			return fmt.Errorf("bad path %s: it has to begin with /", plain(v[1]))
		}
		d.Log = Log{File: v[1]}
		return d.Log.limit(v[2:])
	default:
		return errors.New("bad value: SYSLOG facility [level], or FILE path [soft [hard]] is expected")
	}
}

// limit sets the sizes of a log file. The hard one is by default 1 % above the soft one, but at
// least 5 K and at most 20 K.
func (l *Log) limit(sizes []string) error {
	var n [2]int64
	for i, text := range sizes {
		bytes, err := size(text)
		if err != nil || bytes > math.MaxInt64/2 {
			return fmt.Errorf("bad size %s: a number with k or m is expected", plain(text))
		}
		n[i] = int64(bytes)
	}
	if len(sizes) == 1 && n[0] > 0 {
		n[1] = n[0] + min(max(n[0]/100, 5<<10), 20<<10)
	}
	if l.Soft, l.Hard = n[0], n[1]; l.Hard < l.Soft {
		return errors.New("bad size: the hard limit is below the soft one")
	}
	return nil
}

func parseEnv(d *draft, s statement) error {
	for _, text := range s.values {
		if strings.IndexByte(text, '=') < 1 {
			return fmt.Errorf("bad value %s: NAME=value is expected, without blanks", plain(text))
		}
	}
	return d.list(s, &d.Env, s.values)
}

func parsePassEnv(d *draft, s statement) error { return d.list(s, &d.PassEnv, s.values) }

// toAddresses takes addresses for only_from, or for no_access where a doubt is an error: a rule
// that may not deny what it says is no rule.
func toAddresses(field func(*draft) *[]Address, denies bool) parse {
	return func(d *draft, s statement) error {
		var all []Address
		for _, text := range s.values {
			list, doubt, err := parseAddress(text, d.options)
			if err == nil && doubt != "" && denies {
				err = errors.New(doubt)
			}
			if err != nil {
				return fmt.Errorf("bad address %s: %w", plain(text), err)
			}
			if doubt != "" {
				d.warn(s, "%s %s: %s", s.name, text, doubt)
			}
			all = append(all, list...)
		}
		return list(d, s, field(d), all)
	}
}

func toIDs(field func(*draft) *[]string) parse {
	return func(d *draft, s statement) error { return d.list(s, field(d), s.values) }
}
