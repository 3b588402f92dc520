package daemonize

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// useFiles accepts a connection on one of the files handed on, and says what the others are.
func useFiles(a *actor) int {
	text, err := io.ReadAll(a.process.File("text"))
	if err != nil {
		return broken(err)
	}
	if missing := a.process.File("missing"); missing != nil {
		return broken(fmt.Errorf("a file that was not handed on: %v", missing))
	}
	listener, err := net.FileListener(a.process.File("listener"))
	if err != nil {
		return broken(err)
	}
	if err := a.process.Ready(string(text)); err != nil {
		return broken(err)
	}
	a.runCat("program")
	conn, err := listener.Accept()
	if err != nil {
		return broken(err)
	}
	// Without this a reader of the pipe could not be stopped.
	deadlineErr := a.process.File("pipe").SetReadDeadline(time.Time{})
	fromPipe, err := io.ReadAll(a.process.File("pipe"))
	fmt.Fprint(conn, string(fromPipe), err, deadlineErr)
	conn.Close()
	a.await("end")
	a.process.Close()
	_, err = a.process.File("text").Stat()
	a.say("closed", fmt.Sprint(errors.Is(err, os.ErrClosed)))
	return 0
}

// Listeners, pipes and files of the launcher go on to the daemon, and no further. The launcher
// keeps its own.
func TestFiles(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	behind, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := createFile(t, t.TempDir()+"/text")
	if _, err := text.WriteString("read\nnot read\n"); err != nil {
		t.Fatal(err)
	}
	text.Seek(5, io.SeekStart)
	leash := newLeash(t)
	d := inProcess(t, play{Role: "use files", Leash: leash.address()})
	d.Files = map[string]*os.File{"listener": behind, "pipe": r, "text": text}
	_, launched, err := d.Detach()
	if err != nil {
		t.Fatal(err)
	}
	if launched.Message != "not read\n" {
		t.Errorf("the daemon reads %q", launched.Message)
	}
	daemon := leash.await("use files")
	program := atoi(t, daemon.expect("program"))
	if err := r.SetReadDeadline(time.Now()); err != nil {
		t.Errorf("the launcher's pipe: %v", err)
	}
	listener.Close()
	behind.Close()
	fmt.Fprint(w, "through the pipe ")
	w.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(conn); err != nil || string(got) != "through the pipe <nil> <nil>" {
		t.Errorf("from the daemon: %q, %v", got, err)
	}
	onlyStandard(t, program)
	daemon.cue("end")
	if got := daemon.expect("closed"); got != "true" {
		t.Errorf("closed: %s", got)
	}
}

// Files are there also in a process that is no launcher's.
func TestFilesForeground(t *testing.T) {
	for _, foreground := range []bool{false, true} {
		t.Run(fmt.Sprint(foreground), func(t *testing.T) {
			leash := newLeash(t)
			log := publicDir(t) + "/log"
			p := play{Role: "use log", Leash: leash.address(), Foreground: foreground, Before: []string{"hand on"}, Log: log}
			launcher := launch(t, command(t, p))
			d := leash.await("use log")
			d.expect("ready")
			if got := readFile(t, log); got != "used" {
				t.Errorf("the file has %q", got)
			}
			d.cue("end")
			launcher.started()
		})
	}
}

// useLog writes to the file "log".
func useLog(a *actor) int {
	if _, err := a.process.File("log").WriteString("used"); err != nil {
		return broken(err)
	}
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("ready", "")
	a.await("end")
	a.process.Close()
	return 0
}

// What cannot be handed on is refused before anything is started.
func TestFilesRefused(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed := createFile(t, t.TempDir()+"/closed")
	closed.Close()
	many := make(map[string]*os.File)
	for i := range maxHandedOver + 1 {
		many[fmt.Sprint(i)] = null
	}
	long := strings.Repeat("x", maxFileName+1)
	for _, test := range []struct {
		files map[string]*os.File
		want  string
	}{
		{map[string]*os.File{"": null}, `hand on file "": want a name of 1 to 255 bytes of UTF-8`},
		{map[string]*os.File{long: null}, `hand on file "` + long + `": want a name of 1 to 255 bytes of UTF-8`},
		{map[string]*os.File{"\xff": null}, `hand on file "\xff": want a name of 1 to 255 bytes of UTF-8`},
		{map[string]*os.File{"x": nil}, `hand on file "x": it is nil`},
		{map[string]*os.File{"x": closed}, `hand descriptors to the daemon to be: file "x": `},
		{many, "hand descriptors to the daemon to be: at most 250 sockets and files, have 251"},
	} {
		process, launched, err := (&Daemon{Files: test.files}).Detach()
		if process != nil || launched != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v, %v, %v; want %s", process, launched, err, test.want)
		}
	}
}

// As many files as there may be go through with the longest names.
func TestFilesMany(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files := make(map[string]*os.File)
	for i := range maxHandedOver {
		files[fmt.Sprintf("%0*d", maxFileName, i)] = null
	}
	ours, theirs := handshakeSockets(t)
	if err := (&Daemon{Files: files}).sendFiles(ours); err != nil {
		t.Fatal(err)
	}
	h := &handshake{sys: kernel{}}
	if err := h.receiveFiles(int(theirs.Fd())); err != nil || len(h.files) != len(files) {
		t.Errorf("%d files, %v", len(h.files), err)
	}
	for name, f := range h.files {
		if files[name] == nil {
			t.Errorf("a file is called %q", name)
		}
		f.Close()
	}
}
