%% Spawning, crashing and messaging without end: every answer is computed twice and compared. `main([Seconds, Seed])` prints a
%% line each second and, last, "churn: N rounds, 0 wrong". Anything else, or a crash of the machine, is a defect.
-module(churn).
-export([main/1]).

main([Seconds, Seed]) ->
    rand:seed(exsss, list_to_integer(Seed)),
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    ets:new(shared, [named_table, public, {write_concurrency, true}]),
    Until = erlang:monotonic_time(second) + list_to_integer(Seconds),
    Workers = [start_worker(N, Until) || N <- lists:seq(1, 4)],
    {Rounds, Wrong} = collect(Workers, {0, 0}),
    io:format("churn: ~b rounds, ~b wrong~n", [Rounds, Wrong]),
    halt(case Wrong of 0 -> 0; _ -> 1 end).

start_worker(N, Until) ->
    Main = self(),
    Seed = rand:uniform(1 bsl 30),
    spawn_link(fun() ->
        process_flag(trap_exit, true),
        rand:seed(exsss, Seed + N),
        Main ! {done, self(), work(Until, erlang:monotonic_time(second), 0, 0)}
    end).

collect([], Sum) -> Sum;
collect(Workers, {R, W}) ->
    receive
        {done, Pid, {R1, W1}} -> collect(lists:delete(Pid, Workers), {R + R1, W + W1});
        {'EXIT', _, normal} -> collect(Workers, {R, W});
        Other -> io:format("unexpected: ~p~n", [Other]), collect(Workers, {R, W + 1})
    end.

work(Until, Said, Rounds, Wrong) ->
    case erlang:monotonic_time(second) of
        Now when Now >= Until -> {Rounds, Wrong};
        Now ->
            Now > Said andalso io:format("~b rounds ~b processes ~b kB~n", [Rounds, erlang:system_info(process_count), erlang:memory(total) div 1024]),
            Kind = rand:uniform(12),
            case try turn(Kind) catch C:E:S -> {failed, C, E, S} end of
                ok -> work(Until, Now, Rounds + 1, Wrong);
                Bad -> io:format("turn ~p: ~p~n", [Kind, Bad]), work(Until, Now, Rounds + 1, Wrong + 1)
            end
    end.

%% Many processes each sum a list; answers come in any order.
turn(1) ->
    Self = self(),
    Jobs = [{N, spawn(fun() -> Self ! {self(), lists:sum(lists:seq(1, N))} end)} || N <- lists:seq(1, 50)],
    each(Jobs, fun({N, Pid}) -> receive {Pid, Sum} -> Sum =:= N * (N + 1) div 2 after 60000 -> timeout end end);
%% A linked process fails: the signal says why.
turn(2) ->
    Reason = {bang, make_ref(), term(4)},
    Pid = spawn_link(fun() -> exit(Reason) end),
    receive {'EXIT', Pid, Got} -> same(Got, Reason) after 60000 -> timeout end;
%% A monitored process fails in arithmetic.
turn(3) ->
    {Pid, Ref} = spawn_monitor(fun() -> foo:bar(1 / (rand:uniform(1) - 1)) end),
    receive {'DOWN', Ref, process, Pid, {badarith, [{?MODULE, _, _, _} | _]}} -> ok; {'DOWN', Ref, _, _, Other} -> Other after 60000 -> timeout end;
%% A term travels through a ring and comes back the same.
turn(4) ->
    Term = term(6),
    Self = self(),
    First = lists:foldl(fun(_, Next) -> spawn_link(fun() -> receive M -> Next ! M end end) end, Self, lists:seq(1, 20)),
    First ! {ring, Term},
    Ok = receive {ring, Back} -> same(Back, Term) after 60000 -> timeout end,
    flush_exits(20),
    Ok;
%% Binaries, large and small, their parts.
turn(5) ->
    Bin = crypt(rand:uniform(100000)),
    Self = self(),
    Cut = rand:uniform(byte_size(Bin)) - 1,
    <<A:Cut/binary, B/binary>> = Bin,
    spawn(fun() -> Self ! {back, B, erlang:md5(A)} end),
    receive {back, B1, Sum} -> same({B1, Sum}, {B, erlang:md5(A)}) after 60000 -> timeout end;
%% Maps with many keys, taken apart and put together.
turn(6) ->
    Keys = [term(2) || _ <- lists:seq(1, 60)],
    Map = maps:from_list([{K, V} || {V, K} <- lists:zip(lists:seq(1, 60), Keys)]),
    Again = maps:fold(fun(K, V, M) -> M#{K => V} end, #{}, Map),
    Less = lists:foldl(fun maps:remove/2, Again, Keys),
    same({Again, Less}, {Map, #{}});
%% The external form and back.
turn(7) ->
    Term = term(6),
    same(binary_to_term(term_to_binary(Term, [compressed])), Term);
%% A table that all write to.
turn(8) ->
    Key = {self(), make_ref()},
    Term = term(5),
    ets:insert(shared, {Key, Term}),
    [{Key, Got}] = ets:lookup(shared, Key),
    ets:delete(shared, Key),
    same(Got, Term);
%% Selective receive, and what is left over.
turn(9) ->
    Self = self(),
    Refs = [make_ref() || _ <- lists:seq(1, 30)],
    [Self ! {R, N} || {N, R} <- lists:zip(lists:seq(1, 30), Refs)],
    each(lists:zip(lists:seq(30, 1, -1), lists:reverse(Refs)), fun({N, R}) -> receive {R, N} -> true after 60000 -> timeout end end);
%% Timers that fire and timers that do not.
turn(10) ->
    Refs = [erlang:start_timer(rand:uniform(5), self(), N) || N <- lists:seq(1, 20)],
    {Some, Rest} = lists:split(10, Refs),
    Cancelled = [erlang:cancel_timer(R) || R <- Some],
    _ = [receive {timeout, R, _} -> ok end || {R, false} <- lists:zip(Some, Cancelled)],
    each(Rest, fun(R) -> receive {timeout, R, _} -> true after 60000 -> timeout end end);
%% A process that grows, sleeps and answers.
turn(11) ->
    Term = term(7),
    Pid = spawn_link(fun() -> sleeper(Term) end),
    Pid ! {self(), wake},
    Ok = receive {Pid, Got} -> same(Got, Term) after 60000 -> timeout end,
    flush_exits(1),
    Ok;
%% Big integers: a division and its inverse.
turn(12) ->
    A = big(), B = big(),
    same((A * B) div B, A).

sleeper(Term) ->
    receive {From, wake} -> erlang:garbage_collect(), From ! {self(), Term} end.

each(List, F) ->
    case [R || X <- List, (R = F(X)) =/= true] of [] -> ok; Bad -> {bad, Bad} end.

same(X, X) -> ok;
same(X, Y) -> {differ, X, Y}.

flush_exits(0) -> ok;
flush_exits(N) -> receive {'EXIT', _, normal} -> flush_exits(N - 1) after 60000 -> exit(no_exit) end.

big() -> rand:uniform(1 bsl (64 * rand:uniform(20))).

crypt(N) -> << <<(X * 7 band 255)>> || X <- lists:seq(1, N) >>.

term(0) -> element(rand:uniform(6), {a, 17, <<"bytes">>, [], 1.5, big()});
term(D) ->
    case rand:uniform(7) of
        1 -> [term(D - 1) || _ <- lists:seq(1, rand:uniform(4))];
        2 -> list_to_tuple([term(D - 1) || _ <- lists:seq(1, rand:uniform(4))]);
        3 -> #{term(D - 1) => term(D - 1), key => term(D - 1)};
        4 -> X = term(D - 1), {shared, X, X};
        5 -> crypt(rand:uniform(300));
        6 -> <<1:1, (crypt(20))/binary>>;
        7 -> {self(), make_ref(), fun lists:map/2}
    end.
