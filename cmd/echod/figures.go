package main

import (
	"fmt"
	"time"
)

// This file writes numbers for people.

// byteSize is a number of bytes, with three digits at least and units of 1000: "999 B", "1.23 MB".
func byteSize[N uint64 | float64](n N) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	unit := 0
	for f >= 999.5 && unit < len(units)-1 {
		f /= 1000
		unit++
	}
	switch {
	case unit == 0 || f >= 99.95:
		return fmt.Sprintf("%.0f %s", f, units[unit])
	case f >= 9.995:
		return fmt.Sprintf("%.1f %s", f, units[unit])
	}
	return fmt.Sprintf("%.2f %s", f, units[unit])
}

// span is a time in its two largest units: "350ms", "12s", "5m3s", "4d7h".
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// perSecond is a rate with as many digits as mean something.
func perSecond(f float64) string {
	if f < 9.95 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
