//go:build unix

package control

import (
	"syscall"
	"time"
)

// processFamilies are the metrics about the process that every exporter has. Those that the
// system does not tell, or no longer tells after chroot(2), are left out.
func processFamilies(s *Status) []family {
	families := []family{
		constant("process_start_time_seconds", "gauge", "When the server was started, in seconds since 1970.",
			float64(s.StartedAt.UnixMicro())/1e6),
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		spent := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		families = append(families, constant("process_cpu_seconds_total", "counter", "Processor time spent, user and system.", spent.Seconds()))
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		families = append(families, constant("process_max_fds", "gauge", "How many descriptors may be open.", float64(limit.Cur)))
	}
	return append(families, procFamilies()...)
}

func constant(name, kind, help string, v float64) family {
	return family{name, kind, help, func(*Status) []metric { return value(v) }}
}
