/*
 * A load generator in C, as small as it can be. It shows what the server
 * could do with a client that costs nothing but its system calls, and so
 * whether the generator that the benchmark is made with is the bottleneck.
 *
 *   load pingpong PORT CLIENTS SIZE SECONDS   each client sends SIZE bytes over TCP, waits until as many have come back, and again
 *   load udp      PORT CLIENTS SIZE SECONDS   the same with datagrams
 *   load flood    PORT CLIENTS SIZE SECONDS   each client sends whenever it can, and never reads
 *
 * All to 127.0.0.1. Prints the number of messages a second that came back (of
 * those sent, with flood). What comes back is counted, not compared.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct client {
	int fd;
	size_t to_send, to_receive;
};

static int epoll, flooding;
static char *out, in[256 * 1024];
static size_t size;
static unsigned long messages;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(int op, struct client *c, unsigned events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(epoll, op, c->fd, &e) < 0)
		err(71, "epoll_ctl");
}

static void send_some(struct client *c)
{
	ssize_t n = send(c->fd, out, c->to_send, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		err(1, "send");
	if (n > 0)
		c->to_send -= (size_t)n;
	if (flooding) {
		if (c->to_send == 0) {
			messages++;
			c->to_send = size;
		}
		return;
	}
	watch(EPOLL_CTL_MOD, c, c->to_send > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* begin sends a whole message; epoll hears of it only if it did not fit. */
static void begin(struct client *c)
{
	ssize_t n = send(c->fd, out, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		err(1, "send");
	c->to_receive = size;
	c->to_send = size - (n > 0 ? (size_t)n : 0);
	if (c->to_send > 0)
		watch(EPOLL_CTL_MOD, c, EPOLLIN | EPOLLOUT);
}

static void receive(struct client *c)
{
	ssize_t n = recv(c->fd, in, sizeof in, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN)
			err(1, "recv");
		return;
	}
	if (n == 0 || (size_t)n > c->to_receive)
		errx(1, "not an echo");
	c->to_receive -= (size_t)n;
	if (c->to_receive == 0) {
		messages++;
		begin(c);
	}
}

static struct client *connected(int type, int port)
{
	int on = 1;
	struct client *c = calloc(1, sizeof *c);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (c == NULL || (c->fd = socket(AF_INET, type, 0)) < 0)
		err(71, "socket");
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
		err(69, "connect to port %d", port);
	if (type == SOCK_STREAM)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	watch(EPOLL_CTL_ADD, c, flooding ? EPOLLOUT : EPOLLIN);
	return c;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct client **clients;
	struct rlimit files;
	double begun, end;
	int i, n, count;

	if (argc != 6)
		errx(64, "usage: load pingpong|udp|flood PORT CLIENTS SIZE SECONDS");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	flooding = strcmp(argv[1], "flood") == 0;
	count = atoi(argv[3]);
	size = (size_t)atol(argv[4]);
	out = calloc(1, size);
	clients = calloc((size_t)count, sizeof(struct client *));
	if (out == NULL || clients == NULL)
		err(71, "calloc");
	epoll = epoll_create1(0);
	for (i = 0; i < count; i++) {
		clients[i] = connected(strcmp(argv[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, atoi(argv[2]));
		clients[i]->to_send = size;
	}
	begun = seconds();
	end = begun + atof(argv[5]);
	for (i = 0; i < count && !flooding; i++)
		begin(clients[i]);
	while (seconds() < end) {
		n = epoll_wait(epoll, events, EVENTS, 100);
		for (i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (events[i].events & ~(unsigned)EPOLLOUT && !flooding)
				receive(c);
			if (events[i].events & EPOLLOUT)
				send_some(c);
		}
	}
	printf("%.0f\n", (double)messages / (seconds() - begun));
	return 0;
}
