package control

import (
	"fmt"
	"os"
)

// procFamilies are the metrics that proc(5) knows.
func procFamilies() []family {
	var families []family
	if dir, err := os.Open("/proc/self/fd"); err == nil {
		names, err := dir.Readdirnames(-1)
		dir.Close()
		if err == nil {
			families = append(families, constant("process_open_fds", "gauge", "Descriptors that are open.", float64(len(names)-1)))
		}
	}
	var virtual, resident float64
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if n, _ := fmt.Sscan(string(text), &virtual, &resident); n == 2 {
			page := float64(os.Getpagesize())
			families = append(families,
				constant("process_virtual_memory_bytes", "gauge", "Size of the address space.", virtual*page),
				constant("process_resident_memory_bytes", "gauge", "Memory in use.", resident*page))
		}
	}
	return families
}
