package xinetd

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"
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

func parseUmask(d *draft, s statement) error {
	mask, err := strconv.ParseUint(s.values[0], 8, 9)
	if err != nil {
		return fmt.Errorf("bad value %s: an octal number from 0 to 777 is expected", plain(s.values[0]))
	}
	d.Umask = int(mask)
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
