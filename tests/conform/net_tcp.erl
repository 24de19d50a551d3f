%% Streams over the loopback interface: receiving in every mode, closing, time-outs, several acceptors, errors. (timing)
-module(net_tcp).
-export([main/0]).

main() ->
    [{passive, passive()}, {once, once()}, {counted, counted()}, {closing, closing()}, {half, half()}, {acceptors, acceptors()},
     {timeouts, timeouts()}, {refused, refused()}, {busy, busy()}, {reset, reset()}, {owners, owners()}, {options, options()},
     {local, local()}, {statistics, statistics()}, {unrecv, unrecv()}, {dead_owner, dead_owner()}].

pair(Opts) -> pair(Opts, Opts).
pair(COpts, SOpts) ->
    {ok, L} = gen_tcp:listen(0, [{ip, {127,0,0,1}} | SOpts]),
    {ok, P} = inet:port(L),
    {ok, C} = gen_tcp:connect({127,0,0,1}, P, COpts),
    {ok, S} = gen_tcp:accept(L, 2000),
    ok = gen_tcp:close(L),
    {C, S}.

passive() ->
    {C, S} = pair([binary, {active, false}]),
    ok = gen_tcp:send(C, ["ab", <<"cdef">>]),
    A = gen_tcp:recv(S, 4),
    B = gen_tcp:recv(S, 0),
    T = gen_tcp:recv(S, 1, 10),
    ok = gen_tcp:send(S, <<1, 2, 3>>),
    ok = inet:setopts(C, [list]),
    D = gen_tcp:recv(C, 3),
    E = element(1, catch gen_tcp:recv(C, -1, 10)),
    ok = gen_tcp:close(S),
    F = gen_tcp:recv(C, 0),
    G = gen_tcp:recv(C, 0),
    {A, B, T, D, E, F, G}.

once() ->
    {C, S} = pair([binary, {packet, 2}, {active, once}]),
    [ok = gen_tcp:send(C, <<N>>) || N <- [1, 2, 3]],
    A = got(S),
    none = got_nothing(),
    {ok, [{active, false}]} = inet:getopts(S, [active]),
    ok = inet:setopts(S, [{active, once}]),
    B = got(S),
    {A, B, gen_tcp:recv(S, 0, 1000)}.

counted() ->
    {C, S} = pair([binary, {packet, 1}, {active, 2}]),
    [ok = gen_tcp:send(C, <<N>>) || N <- [1, 2, 3]],
    A = [got(S), got(S), got(S)],
    B = inet:getopts(S, [active]),
    ok = inet:setopts(S, [{active, 5}]),
    D = got(S),
    {A, B, D, inet:getopts(S, [active]), inet:setopts(S, [{active, -9}]), got(S), inet:setopts(S, [{active, 40000}])}.

closing() ->
    {C, S} = pair([{active, true}]),
    {C1, S1} = pair([{active, true}, {exit_on_close, false}]),
    ok = gen_tcp:close(C),
    ok = gen_tcp:close(C1),
    A = got(S),
    B = got(S1),
    D = gen_tcp:send(S1, "x"),
    {A, B, D, erlang:port_info(S), is_list(erlang:port_info(S1)), inet:getopts(S1, [exit_on_close]), gen_tcp:send(C, "a"), gen_tcp:recv(C, 0)}.

half() ->
    {C, S} = pair([binary, {active, false}]),
    ok = gen_tcp:send(C, "last"),
    ok = gen_tcp:shutdown(C, write),
    A = gen_tcp:recv(S, 0),
    B = gen_tcp:send(C, "more"),
    {A, B, gen_tcp:recv(S, 0)}.

acceptors() ->
    {ok, L} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127,0,0,1}}]),
    {ok, P} = inet:port(L),
    Me = self(),
    Pids = [spawn_link(fun() ->
                               {ok, S} = gen_tcp:accept(L),
                               {ok, D} = gen_tcp:recv(S, 1),
                               Me ! {self(), D}
                       end) || _ <- [1, 2, 3]],
    Dying = spawn(fun() -> gen_tcp:accept(L) end),
    timer:sleep(20),
    exit(Dying, kill),
    Cs = [begin {ok, C} = gen_tcp:connect({127,0,0,1}, P, []), ok = gen_tcp:send(C, [N]), C end || N <- [1, 2, 3]],
    All = lists:sort([receive {Pid, D} -> D after 2000 -> none end || Pid <- Pids]),
    T = gen_tcp:accept(L, 10),
    spawn(fun() -> timer:sleep(20), gen_tcp:close(L) end),
    {All, length(Cs), T, gen_tcp:accept(L)}.

timeouts() ->
    {ok, L} = gen_tcp:listen(0, []),
    {gen_tcp:accept(L, 0), gen_tcp:accept(L, 5), gen_tcp:close(L), gen_tcp:accept(L), gen_tcp:accept(L, 5)}.

refused() ->
    {ok, L} = gen_tcp:listen(0, [{ip, {127,0,0,1}}]),
    {ok, P} = inet:port(L),
    A = gen_tcp:listen(P, [{ip, {127,0,0,1}}]),
    ok = gen_tcp:close(L),
    {A, gen_tcp:connect({127,0,0,1}, P, []), element(1, catch gen_tcp:connect({127,0,0,1}, 99999, [], 10))}.

busy() ->
    {C, S} = pair([binary, {active, false}, {sndbuf, 4096}, {recbuf, 4096}, {send_timeout, 50}]),
    Data = binary:copy(<<"x">>, 300000),
    A = until(fun() -> gen_tcp:send(C, Data) end, 10),
    {ok, [{send_pend, N}]} = inet:getstat(C, [send_pend]),
    ok = inet:setopts(C, [{send_timeout, infinity}]),
    Me = self(),
    spawn_link(fun() -> Me ! {sent, gen_tcp:send(C, <<"end">>)} end),
    timer:sleep(20),
    Early = receive {sent, _} -> true after 0 -> false end,
    Reader = fun F(Sum) -> case gen_tcp:recv(S, 0, 300) of {ok, B} -> F(Sum + byte_size(B)); {error, timeout} -> Sum end end,
    Sum = Reader(0),
    {A, N > 0, Early, Sum rem 300000, receive {sent, R} -> R after 1000 -> none end, inet:getstat(C, [send_pend])}.

until(_, 0) -> never;
until(F, N) -> case F() of ok -> until(F, N - 1); Other -> Other end.

reset() ->
    {C, S} = pair([binary, {active, false}], [binary, {active, false}, {show_econnreset, true}]),
    {C1, S1} = pair([binary, {active, false}], [binary, {active, true}, {show_econnreset, true}]),
    [begin ok = inet:setopts(X, [{linger, {true, 0}}]), ok = gen_tcp:close(X) end || X <- [C, C1]],
    {gen_tcp:recv(S, 0), gen_tcp:recv(S, 0), got(S1), got(S1)}.

owners() ->
    {C, S} = pair([binary, {active, true}]),
    Me = self(),
    Pid = spawn_link(fun() -> receive go -> ok end, Me ! {other, got(S)} end),
    ok = gen_tcp:controlling_process(S, Pid),
    A = gen_tcp:controlling_process(S, Pid),
    ok = gen_tcp:send(C, "hello"),
    Pid ! go,
    {A, receive {other, X} -> X after 2000 -> none end}.

options() ->
    {C, S} = pair([]),
    ok = inet:setopts(C, [{nodelay, true}, {keepalive, true}, {high_watermark, 100}, {low_watermark, 200}, {packet, line}, {header, 2}, {buffer, 99}]),
    A = inet:getopts(C, [nodelay, keepalive, high_watermark, low_watermark, packet, mode, header, buffer, active, linger, delay_send,
                         send_timeout, send_timeout_close, exit_on_close, show_econnreset, packet_size, deliver, priority, tos]),
    {A, catch inet:setopts(C, [{packet, foo}]), catch inet:setopts(C, [{nothing, 1}]), catch inet:getopts(S, [nothing]),
     inet:setopts(S, [{raw, 6, 1, <<1:32/native>>}]), inet:getopts(S, [nodelay, {raw, 6, 1, 4}]),
     prim_inet:getstatus(S), prim_inet:gettype(S), element(1, inet:peername(S)), inet:sockname(S) =:= inet:peername(C)}.

local() ->
    Name = "/tmp/net_tcp_" ++ os:getpid() ++ integer_to_list(erlang:unique_integer([positive])),
    {ok, L} = gen_tcp:listen(0, [{ifaddr, {local, Name}}, binary, {active, false}]),
    {ok, C} = gen_tcp:connect({local, Name}, 0, [binary, {active, false}]),
    {ok, S} = gen_tcp:accept(L),
    ok = gen_tcp:send(C, "local"),
    R = {gen_tcp:recv(S, 0), inet:sockname(L) =:= {ok, {local, list_to_binary(Name)}}, inet:peername(S), inet:sockname(C)},
    ok = file:delete(Name),
    R.

statistics() ->
    {C, S} = pair([binary, {active, false}, {packet, 4}]),
    [ok = gen_tcp:send(C, binary:copy(<<0>>, N)) || N <- [10, 20, 60]],
    [{ok, _} = gen_tcp:recv(S, 0) || _ <- [1, 2, 3]],
    {inet:getstat(C, [send_cnt, send_oct, send_max, send_avg, send_pend]), inet:getstat(S, [recv_cnt, recv_oct, recv_max, recv_avg])}.

unrecv() ->
    {C, S} = pair([binary, {active, false}]),
    ok = gen_tcp:send(C, "cd"),
    timer:sleep(10),
    ok = gen_tcp:unrecv(S, "ab"),
    {gen_tcp:recv(S, 2), gen_tcp:recv(S, 2)}.

dead_owner() ->
    {C, S} = pair([binary, {active, true}]),
    Pid = spawn(fun() -> receive never -> S end end),
    ok = gen_tcp:controlling_process(S, Pid),
    exit(Pid, kill),
    {got(C), erlang:port_info(S)}.

got(S) -> receive {T, S} -> T; {T, S, X} -> {T, X} after 2000 -> none end.
got_nothing() -> receive X -> X after 30 -> none end.
