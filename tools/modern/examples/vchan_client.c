/* The client of vchan_server.c, in another domain: sends stdin to the server, and prints what the server
 * returns.
 *
 *   cc -o vchan_client vchan_client.c -lxenvchan
 *   echo hello | ringside modern --domain db -- ./vchan_client 1 /local/domain/1/data/upper
 *
 * The server's domain is a number. Ends with status 0 when stdin has ended and all of it has come back, and
 * with status 1 if the server ends first.
 */
#include <libxenvchan.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 4096 };

/* Prints what has come back. Returns its length; 0: nothing yet; -1: the server has gone. */
static int print_answer(struct libxenvchan* channel) {
  char piece[PIECE_BYTES];
  const int bytes = libxenvchan_read(channel, piece, sizeof piece);
  if (bytes > 0 && fwrite(piece, 1, (size_t)bytes, stdout) != (size_t)bytes) return -1;
  fflush(stdout);
  return bytes;
}

int main(int count, char** words) {
  if (count != 3) {
    fprintf(stderr, "usage: vchan_client SERVER-DOMAIN PATH\n");
    return 1;
  }
  struct libxenvchan* channel = libxenvchan_client_init(NULL, atoi(words[1]), words[2]);
  if (channel == NULL) {
    perror("vchan_client: cannot connect");
    return 1;
  }
  channel->blocking = 0;

  char piece[PIECE_BYTES];
  ssize_t length = 0;       /* of what stdin gave last */
  ssize_t sent = 0;         /* of that */
  long expected = 0;        /* bytes that the server has received, or will, and has not returned */
  int input = STDIN_FILENO; /* -1 once it has ended */
  while (input >= 0 || expected > 0) {
    int written = 0;
    if (sent < length) written = libxenvchan_write(channel, piece + sent, (size_t)(length - sent));
    const int answered = written < 0 ? -1 : print_answer(channel);
    if (answered < 0) {
      fprintf(stderr, "vchan_client: the server has gone\n");
      return 1;
    }
    sent += written;
    expected -= answered;
    if (written > 0 || answered > 0) continue;

    /* Both calls have asked for an event. */
    struct pollfd ready[] = {{libxenvchan_fd_for_select(channel), POLLIN, 0},
                             {sent == length ? input : -1, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) return 1;
    if (ready[0].revents != 0) libxenvchan_wait(channel); /* takes the event */
    if (ready[1].revents != 0) {
      length = read(input, piece, sizeof piece);
      sent = 0;
      if (length <= 0) input = -1;
      if (length <= 0) length = 0;
      expected += length;
    }
  }
  libxenvchan_close(channel);
  return 0;
}
