%% More arguments than any function has: such a function is undefined, such a fun has another arity.
-module(apply_many).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    L = lists:seq(1, 300),
    {P, Ref} = spawn_monitor(lists, foo, L),
    Monitored = receive {'DOWN', Ref, process, P, Why} -> reason(Why) after 5000 -> none end,
    Q = spawn_link(lists, foo, L),
    Linked = receive {'EXIT', Q, How} -> reason(How) after 5000 -> none end,
    [try_apply(lists, foo, L), try_apply(lists, seq, L), try_apply(no_module, seq, L), try_apply(lists, foo, [1 | 2]),
     try_apply(lists, 1, L), [try_apply(?MODULE, nope, lists:seq(1, N)) || N <- [255, 256]],
     Monitored, Linked,
     [try_fun(F, A) || F <- [fun(_) -> ok end, fun lists:seq/2, no_fun, {a}], A <- [L, lists:seq(1, 256), [1 | 2], L ++ 1]],
     try spawn(lists, foo, [1 | 2]) catch C:R -> {C, R} end].

len(A) when is_list(A) -> try length(A) catch error:badarg -> improper end;
len(A) -> A.
reason({undef, [{M, F, A, I} | _]}) -> {undef, M, F, len(A), I};
reason(T) -> T.
top([{M, F, A, _} | _]) -> {M, F, len(A)}.
try_apply(M, F, A) ->
    try apply(M, F, A) catch C:R:S -> {C, R, top(S)} end.
try_fun(F, A) ->
    try apply(F, A) catch
        error:{badarity, {G, As}} -> {badarity, G =:= F, len(As)};
        C:R:S -> {C, R, top(S)}
    end.
