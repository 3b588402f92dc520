package server

// windowPages is how many pages of the table are looked at in one turn, so that no client waits
// long for its own.
const windowPages = 4

// lookAtWindows goes on with a look at the windows of all clients, if it is time for one. See
// fitUserTimeout.
func (l *loop) lookAtWindows() {
	if l.now < l.windowsAt {
		return
	}
	for c := range l.clients.between(l.windowPage, l.windowPage+windowPages) {
		if c.local.network == "tcp" {
			c.lifted = fitUserTimeout(c.fd, c.lifted)
		}
	}
	if l.windowPage += windowPages; l.windowPage >= len(l.clients.pages) {
		l.windowPage, l.windowsAt = 0, l.now+windowInterval
	}
}
