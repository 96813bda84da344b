/* A server in one domain for a client in another: returns what it receives in upper case, over a vchan of
 * Debian's libxenvchan. The vchan is two rings of bytes in pages that this domain grants to the client's, and
 * an event channel between both.
 *
 *   cc -o vchan_server vchan_server.c -lxenvchan
 *   ringside modern --domain web -- ./vchan_server 2 /local/domain/1/data/upper
 *
 * The client's domain is a number; the path is where the store tells the client of the pages and the port.
 */
#include <ctype.h>
#include <libxenvchan.h>
#include <stdio.h>
#include <stdlib.h>

enum { RING_BYTES = 16384, PIECE_BYTES = 4096 };

int main(int count, char** words) {
  if (count != 3) {
    fprintf(stderr, "usage: vchan_server CLIENT-DOMAIN PATH\n");
    return 1;
  }
  struct libxenvchan* channel =
      libxenvchan_server_init(NULL, atoi(words[1]), words[2], RING_BYTES, RING_BYTES);
  if (channel == NULL) {
    perror("vchan_server: cannot offer a vchan");
    return 1;
  }
  channel->blocking = 1;
  printf("vchan_server: waiting for domain %s at %s\n", words[1], words[2]);
  fflush(stdout);

  long total = 0;
  char piece[PIECE_BYTES];
  int bytes;
  /* -1: the client has closed its end, or its process has ended. */
  while ((bytes = libxenvchan_read(channel, piece, sizeof piece)) > 0) {
    for (int i = 0; i < bytes; ++i) piece[i] = (char)toupper((unsigned char)piece[i]);
    if (libxenvchan_write(channel, piece, (size_t)bytes) != bytes) break;
    total += bytes;
  }
  libxenvchan_close(channel);
  printf("vchan_server: the client has gone, after %ld bytes\n", total);
  return 0;
}
