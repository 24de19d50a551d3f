%% Functions that are called often enough to become machine code: traces, errors with lines, deep recursion, numbers that outgrow their kind (timing).
-module(hot_functions).
-export([main/0, f/1, twice/1]).
main() ->
    [f(X) || X <- lists:seq(1, 50000)],
    {traced(10), untraced(10), traced(7), errors(30000, 0), line(40000), deep(300000), grow(30000, 1, 0), floats(60000, 0), bins(20000, <<>>),
     funs(30000, 0), maps(20000, #{a => 0, {b, 1} => 0}), caught(20000, []), match(binary:copy(<<1, 2, 3:16, "ab">>, 5000), 0), sel(60000, 0), apply_it(30000, 0),
     dead_loop()}.
f(X) -> X + 1.
g(0, A) -> A;
g(N, A) -> g(N - 1, f(A)).
traced(N) ->
    P = start(N),
    erlang:trace(P, true, [call, {tracer, self()}]),
    1 = erlang:trace_pattern({?MODULE, f, 1}, [{'_', [], [{return_trace}]}], [local]),
    run(P),
    R = count(0, 0),
    erlang:trace_pattern({?MODULE, f, 1}, false, [local]),
    R.
untraced(N) ->
    P = start(N),
    erlang:trace(P, true, [call, {tracer, self()}]),
    run(P),
    count(0, 0).
start(N) -> S = self(), spawn(fun() -> receive go -> ok end, g(50000, 0), S ! {self(), g(N, 0)} end).
run(P) -> P ! go, receive {P, _} -> ok end, R = erlang:trace_delivered(P), receive {trace_delivered, P, R} -> ok end.
count(C, R) ->
    receive
        {trace, _, call, _} -> count(C + 1, R);
        {trace, _, return_from, _, _} -> count(C, R + 1)
    after 0 -> {C, R}
    end.
errors(0, A) -> A;
errors(N, A) -> errors(N - 1, A + try fails(N rem 5) catch error:badarith -> 1; error:{badmatch, {error, X}} -> X; throw:T -> T; error:function_clause -> 4; exit:E -> E end).
fails(0) -> 1 div zero();
fails(1) -> {ok, 1} = {error, zero()}, 0;
fails(2) -> throw(zero());
fails(3) -> only(zero());
fails(4) -> exit(zero()).
zero() -> length([]) + 0.
only(X) when X > 5 -> X.
line(0) -> 0;
line(N) ->
    case N of
        1 -> try boom(N) catch error:_:S -> [{F, A, proplists:get_value(line, I)} || {?MODULE, F, A, I} <- lists:sublist(S, 2)] end;
        _ -> line(N - 1)
    end.
boom(N) -> N + atom().
atom() -> hd([an_atom]).
deep(N) -> {sum(N), length(up(N)), lists:sum([X || X <- up(N), X rem 3 =:= 0])}.
sum(0) -> 0;
sum(N) -> N + sum(N - 1).
up(0) -> [];
up(N) -> [N | up(N - 1)].
grow(0, A, S) -> {A, S};
grow(N, A, S) -> grow(N - 1, (A * 3) rem 1000000000000000000000000, S + (A bsl 3) - (A bxor 5)).
floats(0, A) -> A;
floats(N, A) -> floats(N - 1, A * 0.5 + N / 3 - 1).
bins(0, B) -> {byte_size(B), erlang:crc32(B)};
bins(N, B) -> bins(N - 1, <<B/binary, N, (N * 7):16/little, (-N):24>>).
funs(0, A) -> A;
funs(N, A) -> F = fun(X, Y) -> X + Y + N end, G = fun erlang:max/2, H = fun ?MODULE:twice/1, funs(N - 1, G(F(A, 1), H(A)) rem 1000003).
twice(X) -> X * 2.
maps(0, M) -> M;
maps(N, #{a := A, {b, 1} := B} = M) -> maps(N - 1, M#{a := A + B + 1, {b, 1} => N band 15}).
caught(0, L) -> length(L);
caught(N, L) -> caught(N - 1, [case catch hd(N rem 2) of {'EXIT', {badarg, [_ | _]}} -> x end | L]).
match(<<A, B, C:16, "ab", R/binary>>, S) -> match(R, S + A * B + C);
match(<<>>, S) -> S.
sel(0, A) -> A;
sel(N, A) -> sel(N - 1, A + case N rem 9 of 0 -> 1; 1 -> 3; 2 -> 5; 3 -> 7; 5 -> 11; _ -> 0 end + case element(1 + N rem 3, {a, {b}, "c"}) of a -> 1; {b} -> 2; [_] -> 3 end).
apply_it(0, A) -> A;
apply_it(N, A) -> M = ?MODULE, F = element(1 + N band 1, {f, twice}), apply_it(N - 1, M:F(A) rem 65537).
dead_loop() ->
    P = spawn(fun() -> spin(0) end),
    receive after 20 -> ok end,
    true = erlang:suspend_process(P), true = erlang:resume_process(P),
    R = monitor(process, P), exit(P, kill),
    receive {'DOWN', R, process, P, Why} -> Why after 5000 -> stuck end.
spin(N) -> spin(N + 1).
