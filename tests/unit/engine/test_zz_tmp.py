from datetime import timedelta
async def test_x(rig):
    rig.device("rooms.a", no_data=True)
    b = await rig.book("lecture", 100, 120)
    async with rig.running():
        await rig.until(400)
    for e in rig.log.events: print(e)
    print(await rig.run_of(b))
    assert 0
