package logging_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"echod/logging"
)

// A log is opened, rotated as logrotate(8) does it, and closed.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "echod.log")

	level := new(slog.LevelVar)
	file, err := logging.OpenFile(path, logging.Options{Level: level})
	if err != nil {
		fmt.Println(err)
		return
	}
	logger := slog.New(file.Handler())
	logger.Info("connection opened", "id", 1, "remote", "127.0.0.1:54321")
	logger.Debug("not logged")

	level.Set(slog.LevelDebug)
	if err := os.Rename(path, path+".1"); err != nil {
		fmt.Println(err)
	}
	if err := file.Reopen(); err != nil {
		logger.Error("log not reopened", "error", err)
	}
	logger.Debug("reopened", "remark", "cannot\nforge a line")
	if err := file.Close(); err != nil {
		fmt.Println(err)
	}

	for _, name := range []string{path + ".1", path} {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Println(err)
		}
		for line := range strings.Lines(string(text)) {
			_, line, _ = strings.Cut(line, " ") // without the time
			fmt.Print(line)
		}
	}
	// Output:
	// level=INFO msg="connection opened" id=1 remote=127.0.0.1:54321
	// level=DEBUG msg=reopened remark="cannot\nforge a line"
}
