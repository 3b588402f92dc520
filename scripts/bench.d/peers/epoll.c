/*
 * The C server that the benchmark measures by: one thread, one epoll loop,
 * one buffer of 64 KB, what was received is sent at once.
 *
 *   epoll tcp PORT      byte echo on 127.0.0.1
 *   epoll udp PORT      datagram echo, recvfrom and sendto, on 127.0.0.1
 *
 * A client that does not read is not read from: what the socket did not take
 * is kept, and goes out before anything else is received.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, EVENTS = 256 };

struct client {
	int fd;
	size_t len, off; /* what is left to send: rest[off..len) */
	char *rest;
};

static char buffer[BUFFER];
static int epoll;

static int listening_socket(int type, int port)
{
	int on = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		err(71, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
		err(69, "bind port %d", port);
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		err(69, "listen on port %d", port);
	return fd;
}

static void watch(int op, int fd, uint32_t events, void *p)
{
	struct epoll_event e = {.events = events, .data.ptr = p};

	if (epoll_ctl(epoll, op, fd, &e) < 0)
		err(71, "epoll_ctl");
}

static void end(struct client *c)
{
	close(c->fd);
	free(c->rest);
	free(c);
}

/* keep puts aside what the socket did not take, and waits until it does. */
static int keep(struct client *c, const char *data, size_t len)
{
	c->rest = malloc(len);
	if (c->rest == NULL)
		return -1;
	memcpy(c->rest, data, len);
	c->len = len;
	c->off = 0;
	watch(EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
	return 0;
}

/* flush sends what was kept; -1 means that the client is gone. */
static int flush(struct client *c)
{
	ssize_t n = send(c->fd, c->rest + c->off, c->len - c->off, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->off += (size_t)n;
	if (c->off == c->len) {
		free(c->rest);
		c->rest = NULL;
		watch(EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
	}
	return 0;
}

/* serve echoes once; -1 means that the client is gone. */
static int serve(struct client *c)
{
	ssize_t got, sent;

	if (c->rest != NULL)
		return flush(c);
	got = recv(c->fd, buffer, sizeof buffer, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1;
	sent = send(c->fd, buffer, (size_t)got, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		sent = 0;
	}
	return sent < got ? keep(c, buffer + sent, (size_t)(got - sent)) : 0;
}

static void accept_all(int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *c = calloc(1, sizeof *c);

		if (c == NULL) {
			close(fd);
			return;
		}
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		watch(EPOLL_CTL_ADD, fd, EPOLLIN, c);
	}
}

static void tcp(int port)
{
	struct epoll_event events[EVENTS];
	int n, i, listener = listening_socket(SOCK_STREAM, port);

	watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (c == NULL)
				accept_all(listener);
			else if (serve(c) < 0)
				end(c);
		}
	}
}

static void udp(int port)
{
	struct sockaddr_in from;
	struct epoll_event event;
	int fd = listening_socket(SOCK_DGRAM, port);

	watch(EPOLL_CTL_ADD, fd, EPOLLIN, NULL);
	for (;;) {
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len);

		if (n >= 0)
			sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
		else
			epoll_wait(epoll, &event, 1, -1);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc != 3)
		errx(64, "usage: epoll tcp|udp PORT");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		err(71, "epoll_create1");
	if (strcmp(argv[1], "udp") == 0)
		udp(atoi(argv[2]));
	else
		tcp(atoi(argv[2]));
}
