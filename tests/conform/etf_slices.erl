%% Long terms to bytes and back give way to other processes, can be ended in between, and survive what moves their terms.
-module(etf_slices).
-export([main/0]).
main() ->
    Long = [{N, integer_to_binary(N), #{n => N}} || N <- lists:seq(1, 200000)],
    Bytes = term_to_binary(Long),
    Moved = moved(Long),
    {erlang:md5(term_to_binary(Long, [{minor_version, 2}])), binary_to_term(Bytes) =:= Long,
     element(2, binary_to_term(<<Bytes/binary, 1, 2, 3>>, [used])) =:= byte_size(Bytes),
     binary_to_term(term_to_binary(Long, [compressed])) =:= Long, Moved, killed(Long), killed(Bytes), broken(Bytes),
     binary_to_term(term_to_binary(maps:from_list([{K, V} || {K, V, _} <- Long]))) =:= maps:from_list([{K, V} || {K, V, _} <- Long])}.

%% Collections from outside while it works.
moved(Long) ->
    Main = self(),
    Pid = spawn_link(fun() -> Main ! ready, Sum = erlang:md5(term_to_binary(Long)), Main ! {sum, Sum} end),
    receive ready -> ok end,
    [erlang:garbage_collect(Pid, [{async, N}, {type, minor}]) || N <- lists:seq(1, 5)],
    receive {sum, Sum} -> Sum =:= erlang:md5(term_to_binary(Long)) end.

killed(Work) ->
    {Pid, Ref} = spawn_monitor(fun() -> loop(Work) end),
    timer:sleep(20),
    exit(Pid, kill),
    receive {'DOWN', Ref, process, Pid, Why} -> Why after 5000 -> late end.
loop(Work) when is_binary(Work) -> binary_to_term(Work), loop(Work);
loop(Work) -> term_to_binary(Work), loop(Work).

%% Cut short and damaged far inside.
broken(Bytes) ->
    Size = byte_size(Bytes) - 1000,
    <<Cut:Size/binary, _/binary>> = Bytes,
    [try binary_to_term(B) of _ -> ok catch error:R -> R end || B <- [Cut, <<Cut/binary, 0:8000>>]].
