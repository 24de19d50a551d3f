%% Processes that come and go.
%% scale: 50000
-module(spawns).
-export([run/1]).
run(N) ->
    S = self(),
    lists:sum([begin spawn(fun() -> S ! I end), receive X -> X end end || I <- lists:seq(1, N)]).
