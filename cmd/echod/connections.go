package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"unicode/utf8"

	"echod/logging"
	"echod/server/control"

	"github.com/spf13/cobra"
)

func (p *program) connectionsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "list the clients being served",
		Long: "List the clients being served, with the bytes that were read and sent back, how long they have\n" +
			"been here, and for how long no byte has moved.",
		Args: noArguments,
	}
	addJSONFlag(cmd, &asJSON)
	return callingVerb(cmd, defaultsFor(p.name), func(ctx context.Context, client *control.Client, _ []string) error {
		debug.SetGCPercent(10) // the list may be long, and a server that lies shall not double what it takes
		if asJSON {
			return p.copyConnections(ctx, client)
		}
		connections, err := collect(ctx, client)
		if err != nil {
			return err
		}
		slices.SortFunc(connections, func(a, b *control.Connection) int { return cmp.Compare(a.ID, b.ID) })
		return p.printConnections(connections)
	})
}

func addJSONFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print the server's answer, as JSON")
}

// The whole list is taken before any of it is printed: the server does not wait for a pager, and
// what is printed is complete.

func (p *program) copyConnections(ctx context.Context, client *control.Client) error {
	body, err := client.RawConnections(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	list, err := readChunks(body)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var text []byte
	for _, chunk := range list {
		text = append(text, chunk...)
		whole := len(text) - unfinishedRune(text)
		if _, err := p.stdout.Write(logging.PrintableJSON(text[:whole])); err != nil {
			return err
		}
		text = append(text[:0], text[whole:]...)
	}
	_, err = p.stdout.Write(logging.PrintableJSON(text))
	return err
}

// unfinishedRune returns the length of a character at the end of text that is not complete.
func unfinishedRune(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if end := text[len(text)-n:]; utf8.RuneStart(end[0]) && !utf8.FullRune(end) {
			return n
		}
	}
	return 0
}

// chunkBytes is how much of a list is read at a time.
const chunkBytes = 1 << 20

// readChunks reads all of r, without io.ReadAll's need of room for a second copy of it.
func readChunks(r io.Reader) (net.Buffers, error) {
	var chunks net.Buffers
	for {
		chunk := bytes.NewBuffer(make([]byte, 0, chunkBytes+bytes.MinRead))
		_, err := io.CopyN(chunk, r, chunkBytes)
		chunks = append(chunks, chunk.Bytes())
		if errors.Is(err, io.EOF) { // and not ErrUnexpectedEOF
			return chunks, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// maxAddressBytes bounds what a list can hold of a server that lies: twice 64 bytes for each of a
// million clients.
const maxAddressBytes = 128 << 20

// collect returns pointers, which are less to copy when there are many.
func collect(ctx context.Context, client *control.Client) ([]*control.Connection, error) {
	var connections []*control.Connection
	held := 0
	for c, err := range client.Connections(ctx) {
		if err != nil {
			return nil, err
		}
		if held += len(c.Local) + len(c.Remote); held > maxAddressBytes {
			return nil, fmt.Errorf("read the list: %w", control.ErrAnswerTooLong)
		}
		connections = append(connections, &c)
	}
	return connections, nil
}

func (p *program) printConnections(connections []*control.Connection) error {
	w := bufio.NewWriter(p.stdout)
	fmt.Fprintln(w, connectionHeading)
	for _, c := range connections {
		fmt.Fprintln(w, connectionRow(*c))
	}
	return w.Flush()
}

// The columns whose width is not known come last.
const connectionHeading = "      ID  RECEIVED      SENT     AGE    IDLE  REMOTE -> LOCAL"

func connectionRow(c control.Connection) string {
	return fmt.Sprintf("%8d  %8s  %8s  %6s  %6s  %s -> %s", c.ID, byteSize(c.BytesReceived), byteSize(c.BytesSent),
		span(c.AgeSeconds), span(c.IdleSeconds), logging.Printable(c.Remote), logging.Printable(c.Local))
}
