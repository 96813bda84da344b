/* A part of a test (unseen.c) that is compiled without the checker's flags. */
void part_adds(int* word) {
  ++*word;
}
int part_reads(const int* word) {
  return *word;
}
int part_computes(int a, int b) {
  return a + b;
}
