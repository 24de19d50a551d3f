%% Persistent terms that are replaced all the time, while processes pass them on by every way there is.
-module(literals_busy).
-export([main/0]).

val(N) -> {N, lists:seq(1, 20), <<N:32, 0:800>>, #{N => [N], x => "some text"}, fun lists:append/1, [{a, b}, {c, N}]}.
ok(V) -> V = val(element(1, V)), ok.

main() ->
    End = erlang:monotonic_time(millisecond) + 1000,
    Tab = ets:new(?MODULE, [public, ordered_set]), Self = self(),
    Ps = [spawn_link(fun() -> reader(End, Tab, []), Self ! {self(), done} end) || _ <- lists:seq(1, 6)],
    writer(End, 0),
    R = [receive {P, done} -> ok end || P <- Ps],
    [persistent_term:erase({?MODULE, I}) || I <- lists:seq(1, 8)],
    length(R).

writer(End, N) ->
    persistent_term:put({?MODULE, rand:uniform(8)}, val(rand:uniform(1000000))),
    N rem 5 =:= 0 andalso persistent_term:erase({?MODULE, rand:uniform(8)}),
    erlang:monotonic_time(millisecond) > End orelse writer(End, N + 1).

reader(End, Tab, Kept) ->
    V = persistent_term:get({?MODULE, rand:uniform(8)}, val(1)), ok(V),
    {P, R} = spawn_monitor(fun() -> ok(V), receive {go, X} -> ok(X), exit({bye, X, V}) end end),
    P ! {go, V},
    ets:insert(Tab, {rand:uniform(50), V}),
    erlang:send_after(rand:uniform(20), self(), {late, V}),
    put(rand:uniform(20), V),
    receive {'DOWN', R, _, _, {bye, A, B}} -> ok(A), ok(B) end,
    receive {late, T} -> ok(T) after 0 -> ok end,
    [ok(E) || {_, E} <- ets:lookup(Tab, rand:uniform(50))],
    case get(rand:uniform(20)) of undefined -> ok; D -> ok(D) end,
    case erlang:monotonic_time(millisecond) > End of
        true -> lists:foreach(fun ok/1, Kept);
        false -> reader(End, Tab, lists:sublist([V | Kept], 30))
    end.
