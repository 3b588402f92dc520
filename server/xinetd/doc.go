// Package xinetd reads configuration files in the format of xinetd.conf(5).
//
//	c, err := xinetd.Read(os.DirFS("/"), "/etc/xinetd.conf", xinetd.Options{LookupPort: lookup})
//	if err != nil {
//		return err
//	}
//	for _, d := range c.Diagnostics {
//		fmt.Fprintln(os.Stderr, d)
//	}
//
// Reading has three stages. A file becomes lines, lines become entries with values that are
// still words, so that an attribute that is not set can be told from one that is empty; and entries,
// laid over the defaults, become services with typed values. The package opens files only
// through the given fs.FS, looks up no user and asks no name server: a host name stays a name.
//
// # What a file means
//
// A file that xinetd accepts means the same here, with one rule on top: nothing that restricts
// a service is dropped. Where xinetd ignores a line with a warning (a wrong count of values, an
// operator that the attribute does not have, a second value for a single-value attribute, an
// address it cannot read), the service is off, and the diagnostic says why. A line with a comment
// behind a plain value, and no other fault, is honoured with a warning. "enabled" does not bring
// back a service that has errors, and an error in the defaults turns every service off. The
// defaults apply whatever their place in the files.
//
// Some things make xinetd drop a service and are plain all the same: lines that end in CR LF,
// "service a {", "port=3600", "} # end", and a port for a name that is not in /etc/services.
// They are accepted, with a warning.
//
// # Errors
//
// All diagnostics of all files come from one run. An error in an entry turns off its service; an
// error outside of entries, such as an included file that is missing, belongs to no service
// and turns none off: a caller that wants all or nothing asks [Config.Failed].
package xinetd
