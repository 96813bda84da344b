// The functions that the compiler wrapper calls in place of barriers in assembler. They may be called between
// any two instructions, with every register in use: they save all registers, announce the operation, and
// restore the registers. x86-64 only.
//
// All values are restored, flags included. The functions are called through the global offset table, so that
// lazy binding does not run in between.

#include "emu/check/op.h"

#if defined(__x86_64__)

using ringside::check::Order;

// The assembler below contains these numbers.
static_assert(static_cast<int>(Order::seq_cst) == 5 && static_cast<int>(Order::stores) == 6 &&
              static_cast<int>(Order::loads) == 7);

// After the pushes, the return address (the place in the ring's code) is 88 bytes above %rbp. The area of
// xsave has 64 bytes of header after the first 512, which must be zero.
__asm__(R"(
.macro RING_CHECK_ASM name
  .globl \name
  .type \name, @function
\name:
  pushfq
  cld
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %rbp
  movq %rsp, %rbp
  subq $4096, %rsp
  andq $-64, %rsp
  xorl %eax, %eax
  movq %rax, 512(%rsp)
  movq %rax, 520(%rsp)
  movq %rax, 528(%rsp)
  movq %rax, 536(%rsp)
  movq %rax, 544(%rsp)
  movq %rax, 552(%rsp)
  movq %rax, 560(%rsp)
  movq %rax, 568(%rsp)
  xorl %edx, %edx
  movl $0xe7, %eax
  xsave64 (%rsp)
.endm
.macro RING_CHECK_ASM_END name
  xorl %edx, %edx
  movl $0xe7, %eax
  xrstor64 (%rsp)
  movq %rbp, %rsp
  popq %rbp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  popfq
  ret
  .size \name, . - \name
.endm
.macro RING_CHECK_ASM_FENCE name, order
  RING_CHECK_ASM \name
  movl $\order, %edi
  movq 88(%rbp), %rsi
  call ring_check_asm_fence@PLT
  RING_CHECK_ASM_END \name
.endm
.macro RING_CHECK_ASM_UPDATE name, bytes
  RING_CHECK_ASM \name
  movl $\bytes, %esi
  movq 88(%rbp), %rdx
  call ring_check_asm_update@PLT
  RING_CHECK_ASM_END \name
.endm
  .text
  RING_CHECK_ASM_FENCE ring_check_asm_rmb, 7
  RING_CHECK_ASM_FENCE ring_check_asm_wmb, 6
  RING_CHECK_ASM_FENCE ring_check_asm_mb, 5
  RING_CHECK_ASM_UPDATE ring_check_asm_update1, 1
  RING_CHECK_ASM_UPDATE ring_check_asm_update2, 2
  RING_CHECK_ASM_UPDATE ring_check_asm_update4, 4
  RING_CHECK_ASM_UPDATE ring_check_asm_update8, 8
  RING_CHECK_ASM_UPDATE ring_check_asm_update16, 16
)");

#endif
