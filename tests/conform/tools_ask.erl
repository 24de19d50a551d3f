%% What xref and system_information ask of the node: functions that the machine has within itself, items about how it was built.
-module(tools_ask).
-export([main/0]).
main() ->
    [[{F, A, erlang:is_builtin(erlang, F, A)} || {F, A} <- [{hibernate, 3}, {call_on_load_function, 1}, {apply, 2}, {spawn, 3}, {yield, 0}, {send, 2}]],
     [K || {K, _} <- erlang:system_info(compile_info)], erlang:system_info(constant_pool_support), [L || L <- erlang:system_info(emu_args), lists:member(L, ["-root", "-bindir", "-progname", "-noshell"])], filename:basename(hd(erlang:system_info(emu_args))),
     [K || {K, _} <- erlang:system_info({allocator, erts_mmap}), K =:= default_mmap]].
