%% apply/3 and apply/2 with arguments that are no proper list: the error names what was asked.
-module(apply_improper).
-export([main/0, call/3, fun_call/2, spread/3]).
call(M, F, A) -> X = apply(M, F, A), [X].
fun_call(F, A) -> X = apply(F, A), [X].
spread(M, F, A) -> apply(M, F, A).
top({'EXIT', {R, [Top | _]}}) -> {R, Top}.
main() ->
    Lists = [[oops | invalid], [a, b, c | d], not_a_list, [1, 2, 3, 4 | #{}]],
    Mfa = [top(catch F(erlang, error, L)) || F <- [fun call/3, fun spread/3, fun erlang:apply/3], L <- Lists],
    Funs = [top(catch F(G, L)) || F <- [fun fun_call/2, fun erlang:apply/2], G <- [fun(_) -> ok end, fun lists:map/2], L <- Lists],
    Spawned = [begin {P, R} = spawn_monitor(erlang, apply, [M, F, L]), receive {'DOWN', R, process, P, {W, [Top | _]}} -> {W, Top} end end || {M, F, L} <- [{erlang, error, [oops | invalid]}]],
    Remote = [try erpc:call(node(), erlang, error, [oops | invalid]) catch C:E -> {C, E} end],
    {Mfa, [{R, {M, F, [is_function(hd(A)) | tl(A)], I}} || {R, {M, F, A, I}} <- Funs, is_list(A)], Spawned, Remote}.
