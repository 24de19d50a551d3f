%% A process that only receives, and builds nothing, does not keep what it has received: large binaries and lists. (timing)
-module(receive_garbage).
-export([main/0, sink/0]).

sink() ->
    receive
        {B, From} when is_binary(B) -> From ! taken, sink();
        {[_ | _], From} -> From ! taken, sink()
    end.

main() ->
    Sink = spawn(fun sink/0),
    Before = erlang:memory(binary),
    [ask(Sink, binary:copy(<<"abcdefgh">>, 131072)) || _ <- lists:seq(1, 100)],
    One = erlang:memory(binary) - Before < 30000000,
    List = lists:seq(1, 10000),
    [ask(Sink, List) || _ <- lists:seq(1, 300)],
    {memory, Memory} = process_info(Sink, memory),
    {One, Memory < 3000000}.

ask(To, What) ->
    To ! {What, self()},
    receive taken -> ok end.
