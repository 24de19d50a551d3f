%% A process on another node is linked to one that ends before it hears that it was made: it gets the reason all the same.
-module(dist_spawn_parents).
-export([main/0, first/2, child/1]).

%% The nodes are others than the one that runs the cases, which has no name.
main() ->
    {_, Binary, File} = code:get_object_code(?MODULE),
    {ok, First, _} = peer:start_link(#{connection => standard_io, name => peer:random_name()}),
    {module, ?MODULE} = peer:call(First, code, load_binary, [?MODULE, File, Binary]),
    Answer = peer:call(First, ?MODULE, first, [File, Binary], 20000),
    peer:stop(First),
    Answer.

first(File, Binary) ->
    {ok, Peer, Node} = peer:start(#{name => peer:random_name()}),
    {module, ?MODULE} = erpc:call(Node, code, load_binary, [?MODULE, File, Binary]),
    Self = self(),
    [spawn_opt(fun() ->
        spawn_request(Node, ?MODULE, child, [Self], [link, {priority, max}]),
        receive after N rem 3 -> ok end,
        exit({ended, N rem 3})
    end, [{priority, max}]) || N <- lists:seq(1, 300)],
    Reasons = lists:usort(gather()),
    peer:stop(Peer),
    Reasons.

child(Teller) ->
    process_flag(trap_exit, true),
    receive {'EXIT', _, Reason} -> Teller ! {ended, Reason} end.

gather() -> receive {ended, Reason} -> [Reason | gather()] after 1500 -> [] end.
