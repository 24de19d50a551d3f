//! The edges of machine code, by hand: entering, leaving, helpers. What Cranelift's `tail` convention passes where is in its `abi.rs`.

#[cfg(target_arch = "x86_64")]
pub use x86::*;

/// Arithmetic that a stub does on floats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatOp {
    Add,
    Sub,
    Mul,
    Div,
}

/// Makes written code visible to those who run it.
pub fn synchronize(_at: *const u8, _len: usize) {
    // x86 does that by itself; elsewhere the caches must be told.
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the range was just written and is mapped.
    unsafe {
        let mut line = _at as usize & !15;
        while line < _at as usize + _len {
            std::arch::asm!("dc cvau, {0}", "ic ivau, {0}", in(reg) line);
            line += 16;
        }
        std::arch::asm!("dsb ish", "isb");
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::State;
    use std::arch::naked_asm;
    use std::mem::offset_of;

    /// Gives all registers back to who has called `enter`, with the number of the exit in `eax`.
    macro_rules! leave {
        () => {
            "mov rsp, [r15 + {native_sp}]
             add rsp, 8
             pop r15
             pop r14
             pop r13
             pop r12
             pop rbx
             pop rbp
             ret"
        };
    }

    /// Calls machine code at `rax`, with what is stored as its registers, and stores what it returns.
    macro_rules! run {
        () => {
            "mov rdi, [r15 + {hp}]
             mov rsi, [r15 + {sp}]
             mov rdx, [r15 + {reductions}]
             mov rcx, [r15 + {x}]
             mov r8, [r15 + {x} + 8]
             mov r9, [r15 + {x} + 16]
             call rax
             mov [r15 + {hp}], rdi
             mov [r15 + {sp}], rsi
             mov [r15 + {reductions}], rdx
             mov [r15 + {x}], rcx
             xor eax, eax"
        };
    }

    #[unsafe(naked)]
    pub unsafe extern "C" fn enter(state: *mut State, code: *const u8) -> u64 {
        naked_asm!(
            "push rbp
             mov rbp, rsp
             push rbx
             push r12
             push r13
             push r14
             push r15
             sub rsp, 8
             mov r15, rdi
             mov [r15 + {native_sp}], rsp
             mov rax, rsi",
            run!(),
            leave!(),
            native_sp = const offset_of!(State, native_sp),
            hp = const offset_of!(State, hp),
            sp = const offset_of!(State, sp),
            reductions = const offset_of!(State, reductions),
            x = const offset_of!(State, x),
        )
    }

    /// In machine code's convention, with (heap, stack, reductions, instruction): the interpreter goes on there.
    #[unsafe(naked)]
    unsafe extern "C" fn leave_at() {
        naked_asm!(
            "mov [r15 + {hp}], rdi
             mov [r15 + {sp}], rsi
             mov [r15 + {reductions}], rdx
             mov [r15 + {ip}], rcx
             mov eax, 1",
            leave!(),
            native_sp = const offset_of!(State, native_sp),
            hp = const offset_of!(State, hp),
            sp = const offset_of!(State, sp),
            reductions = const offset_of!(State, reductions),
            ip = const offset_of!(State, ip),
        )
    }

    /// In the place of a function without machine code: a native function is run at once, else the interpreter does the call.
    #[unsafe(naked)]
    unsafe extern "C" fn interpret() {
        naked_asm!(
            "mov [r15 + {hp}], rdi
             mov [r15 + {sp}], rsi
             mov [r15 + {reductions}], rdx
             mov [r15 + {x}], rcx
             mov [r15 + {x} + 8], r8
             mov [r15 + {x} + 16], r9
             push rbp
             mov rbp, rsp
             and rsp, -16
             mov rdi, r15
             call [r15 + {helpers} + 8 * {foreign}]
             test eax, eax
             jne 2f
             mov rsp, rbp
             pop rbp
             mov rdi, [r15 + {hp}]
             mov rsi, [r15 + {sp}]
             mov rdx, [r15 + {reductions}]
             mov rcx, [r15 + {x}]
             ret
             2:
             mov edi, eax
             jmp {leave_with}",
            leave_with = sym leave_with,
            hp = const offset_of!(State, hp),
            sp = const offset_of!(State, sp),
            reductions = const offset_of!(State, reductions),
            x = const offset_of!(State, x),
            helpers = const offset_of!(State, helpers),
            foreign = const crate::Helper::Foreign as usize,
        )
    }

    /// In machine code's convention, with the number of an exit: a helper has said so, and stored everything.
    #[unsafe(naked)]
    unsafe extern "C" fn leave_with() {
        naked_asm!(
            "cmp edi, {again}
             je 2f
             mov eax, edi",
            leave!(),
            "2:
             mov rsp, [r15 + {native_sp}]
             mov rax, [r15 + {result}]",
            run!(),
            leave!(),
            again = const crate::Exit::Again as usize,
            native_sp = const offset_of!(State, native_sp),
            result = const offset_of!(State, result),
            hp = const offset_of!(State, hp),
            sp = const offset_of!(State, sp),
            reductions = const offset_of!(State, reductions),
            x = const offset_of!(State, x),
        )
    }

    /// Calls helper `N` and keeps all registers, as machine code's slow paths want it; float registers if `$saves` says so.
    macro_rules! helper {
        ($name:ident, $saves:literal, $loads:literal) => {
            #[unsafe(naked)]
            unsafe extern "C" fn $name<const N: usize>() {
                naked_asm!(
                    "push rbp
                     mov rbp, rsp
                     push rax
                     push rcx
                     push rdx
                     push rsi
                     push rdi
                     push r8
                     push r9
                     push r10
                     push r11
                     sub rsp, 264
                     and rsp, -16",
                    $saves,
                    "mov rsi, [r15 + {args}]
                     mov rdx, [r15 + {args} + 8]
                     mov rcx, [r15 + {args} + 16]
                     mov rdi, r15
                     call [r15 + {helpers} + 8 * {n}]
                     test eax, eax
                     jne 2f",
                    $loads,
                    "lea rsp, [rbp - 72]
                     pop r11
                     pop r10
                     pop r9
                     pop r8
                     pop rdi
                     pop rsi
                     pop rdx
                     pop rcx
                     pop rax
                     pop rbp
                     ret
                     2:
                     mov edi, eax
                     jmp {leave_with}",
                    leave_with = sym leave_with,
                    helpers = const offset_of!(State, helpers),
                    args = const offset_of!(State, args),
                    n = const N,
                )
            }
        };
    }
    helper!(light, "", "");
    helper!(
        full,
        "movups [rsp + 0], xmm0
             movups [rsp + 16], xmm1
             movups [rsp + 32], xmm2
             movups [rsp + 48], xmm3
             movups [rsp + 64], xmm4
             movups [rsp + 80], xmm5
             movups [rsp + 96], xmm6
             movups [rsp + 112], xmm7
             movups [rsp + 128], xmm8
             movups [rsp + 144], xmm9
             movups [rsp + 160], xmm10
             movups [rsp + 176], xmm11
             movups [rsp + 192], xmm12
             movups [rsp + 208], xmm13
             movups [rsp + 224], xmm14
             movups [rsp + 240], xmm15",
        "movups xmm0, [rsp + 0]
             movups xmm1, [rsp + 16]
             movups xmm2, [rsp + 32]
             movups xmm3, [rsp + 48]
             movups xmm4, [rsp + 64]
             movups xmm5, [rsp + 80]
             movups xmm6, [rsp + 96]
             movups xmm7, [rsp + 112]
             movups xmm8, [rsp + 128]
             movups xmm9, [rsp + 144]
             movups xmm10, [rsp + 160]
             movups xmm11, [rsp + 176]
             movups xmm12, [rsp + 192]
             movups xmm13, [rsp + 208]
             movups xmm14, [rsp + 224]
             movups xmm15, [rsp + 240]"
    );

    /// Arithmetic on two numbers (in `State::args`) of which one at least is a float (for a division: none need be), keeping all
    /// registers: `State::result` is 1 and `State::a` has the bits of the result, or `State::result` is 0.
    macro_rules! floats {
        ($name:ident, $operation:literal, $integers:literal) => {
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                naked_asm!(
                    "push rax
                     push rcx
                     push rdi
                     push rsi
                     mov rdi, [r15 + {args}]
                     mov rsi, [r15 + {args} + 8]
                     sub rsp, 32
                     movups [rsp], xmm0
                     movups [rsp + 16], xmm1
                     mov qword ptr [r15 + {result}], 0",
                    $integers,
                    "test dil, 1
                     je 2f
                     mov rax, rdi
                     sar rax, 1
                     cvtsi2sd xmm0, rax
                     jmp 3f
                     2:
                     mov eax, edi
                     and eax, 7
                     cmp eax, 4
                     jne 9f
                     cmp qword ptr [rdi - 4], {float}
                     jne 9f
                     movsd xmm0, qword ptr [rdi + 4]
                     3:
                     test sil, 1
                     je 4f
                     mov rax, rsi
                     sar rax, 1
                     cvtsi2sd xmm1, rax
                     jmp 5f
                     4:
                     mov eax, esi
                     and eax, 7
                     cmp eax, 4
                     jne 9f
                     cmp qword ptr [rsi - 4], {float}
                     jne 9f
                     movsd xmm1, qword ptr [rsi + 4]
                     5:",
                    $operation,
                    "movq rax, xmm0
                     mov rcx, rax
                     shr rcx, 52
                     and ecx, 0x7ff
                     cmp ecx, 0x7ff
                     je 9f
                     mov [r15 + {a}], rax
                     mov qword ptr [r15 + {result}], 1
                     9:
                     movups xmm0, [rsp]
                     movups xmm1, [rsp + 16]
                     add rsp, 32
                     pop rsi
                     pop rdi
                     pop rcx
                     pop rax
                     ret",
                    args = const offset_of!(State, args),
                    result = const offset_of!(State, result),
                    a = const offset_of!(State, a),
                    float = const term::word::header(term::word::Kind::Float, 1),
                )
            }
        };
    }
    floats!(float_add, "addsd xmm0, xmm1", "mov eax, edi\nand eax, esi\ntest al, 1\njne 9f");
    floats!(float_sub, "subsd xmm0, xmm1", "mov eax, edi\nand eax, esi\ntest al, 1\njne 9f");
    floats!(float_mul, "mulsd xmm0, xmm1", "mov eax, edi\nand eax, esi\ntest al, 1\njne 9f");
    // A division by zero gives no finite number.
    floats!(float_div, "divsd xmm0, xmm1", "");

    pub fn float_address(which: super::FloatOp) -> usize {
        match which {
            super::FloatOp::Add => float_add as *const () as usize,
            super::FloatOp::Sub => float_sub as *const () as usize,
            super::FloatOp::Mul => float_mul as *const () as usize,
            super::FloatOp::Div => float_div as *const () as usize,
        }
    }

    type Stub = unsafe extern "C" fn();
    static FULL: [Stub; crate::HELPERS] = [
        full::<0>, full::<1>, full::<2>, full::<3>, full::<4>, full::<5>, full::<6>, full::<7>, full::<8>, full::<9>, full::<10>, full::<11>,
        full::<12>, full::<13>, full::<14>, full::<15>, full::<16>, full::<17>, full::<18>, full::<19>, full::<20>, full::<21>, full::<22>,
        full::<23>, full::<24>,
    ];
    static LIGHT: [Stub; crate::HELPERS] = [
        light::<0>, light::<1>, light::<2>, light::<3>, light::<4>, light::<5>, light::<6>, light::<7>, light::<8>, light::<9>, light::<10>, light::<11>,
        light::<12>, light::<13>, light::<14>, light::<15>, light::<16>, light::<17>, light::<18>, light::<19>, light::<20>, light::<21>, light::<22>,
        light::<23>, light::<24>,
    ];

    /// The stub of a helper, for a function that has floats in registers or one that has none.
    pub fn helper_address(which: crate::Helper, floats: bool) -> usize {
        (if floats { FULL } else { LIGHT })[which as usize] as usize
    }
    pub fn leave_address() -> usize {
        leave_at as *const () as usize
    }
    pub fn leave_with_address() -> usize {
        leave_with as *const () as usize
    }
    pub fn interpret_address() -> usize {
        interpret as *const () as usize
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub use elsewhere::*;
/// Where nothing is run: code can be made and looked at.
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    use crate::State;
    pub unsafe fn enter(_: *mut State, _: *const u8) -> u64 {
        std::process::abort()
    }
    pub fn helper_address(_: crate::Helper, _: bool) -> usize {
        0
    }
    pub fn leave_address() -> usize {
        0
    }
    pub fn float_address(_: super::FloatOp) -> usize {
        0
    }
    pub fn leave_with_address() -> usize {
        0
    }
    pub fn interpret_address() -> usize {
        0
    }
}
